package router

import (
	"bytes"
	"encoding/binary"
)

// A malformed head is refused; the text says what is wrong with it.
type malformed string

func (m malformed) Error() string { return string(m) }

const (
	errBareLF    = malformed("a line does not end in CRLF")
	errLine      = malformed("the first line is malformed")
	errName      = malformed("a header has an invalid name")
	errValue     = malformed("a header has an invalid value")
	errFold      = malformed("a header is folded")
	errMany      = malformed("there are too many headers")
	errLineLong  = malformed("a line is too long")
	errLength    = malformed("the content length is invalid")
	errEncoding  = malformed("the transfer encoding is invalid")
	errHost      = malformed("there must be one valid host")
	errChunk     = malformed("a chunk is malformed")
	maxFields    = 1000
	maxName      = 1000
	maxMethod    = 127
	maxLine      = 8192      // the first of a message, in either direction
	maxFieldLine = 512 << 10 // a header of a message, in either direction: so it is in private spaces (heroku-behaviours 4.3)
	maxCookie    = 8192      // of a response
	maxHead      = 1 << 20   // of a message
)

// A head is the first line and the headers of a message, in the bytes they came in.
type head struct {
	raw    []byte
	fields []field

	wantsClose, wantsKeep, wantsUpgrade bool // by its Connection headers
}

// A field is a header's place in raw: raw[line:next] is all of it with CRLF, raw[line:name] its name.
type field struct {
	line, name, value, stop, next int32
	kind                          kind
}

func (h *head) name(f *field) []byte  { return h.raw[f.line:f.name] }
func (h *head) value(f *field) []byte { return h.raw[f.value:f.stop] }

// parseFields reads the headers of raw from offset at to the empty line, which is the end of raw.
func (h *head) parseFields(raw []byte, at, limit int) error {
	h.raw, h.fields = raw, h.fields[:0]
	h.wantsClose, h.wantsKeep, h.wantsUpgrade = false, false, false
	connections := false
	for {
		i := bytes.IndexByte(raw[at:], '\n')
		if i < 1 || raw[at+i-1] != '\r' {
			return errBareLF
		}
		if i == 1 {
			if at+2 != len(raw) {
				return errLine
			}
			break
		}
		if i-1 > limit {
			return errLineLong
		}
		if len(h.fields) == maxFields {
			return errMany
		}
		f := field{line: int32(at), next: int32(at + i + 1)}
		if err := f.parse(raw[at : at+i-1]); err != nil {
			return err
		}
		connections = connections || f.kind == connectionField
		h.fields = append(h.fields, f)
		at += i + 1
	}
	if connections {
		h.readConnection()
	}
	return nil
}

// parse finds the parts of a header line, given without its end.
func (f *field) parse(line []byte) error {
	colon := bytes.IndexByte(line, ':')
	if line[0] == ' ' || line[0] == '\t' {
		return errFold
	}
	if colon < 1 || colon > maxName {
		return errName
	}
	under := false
	for _, b := range line[:colon] {
		if !tokenByte[b] {
			return errName
		}
		under = under || b == '_'
	}
	if !cleanValue(line[colon+1:]) {
		return errValue
	}
	from, to := colon+1, len(line)
	for from < to && (line[from] == ' ' || line[from] == '\t') {
		from++
	}
	for from < to && (line[to-1] == ' ' || line[to-1] == '\t') {
		to--
	}
	f.name, f.value, f.stop = f.line+int32(colon), f.line+int32(from), f.line+int32(to)
	if f.kind = kindOf(line[:colon]); under && f.kind == otherField {
		f.kind = forgedKind(line[:colon])
	}
	return nil
}

// cleanValue reports whether a value has no control characters but tabs.
func cleanValue(v []byte) bool {
	for len(v) >= 8 {
		x := binary.LittleEndian.Uint64(v)
		// Any byte below 0x20, or 0x7f: the classic test for bytes less than n, and for zero bytes after xor.
		const ones, highs = 0x0101010101010101, 0x8080808080808080
		d := x ^ ones*0x7f
		if (x-ones*0x20)&^x&highs|(d-ones)&^d&highs != 0 {
			break
		}
		v = v[8:]
	}
	for _, b := range v {
		if b < 0x20 && b != '\t' || b == 0x7f {
			return false
		}
	}
	return true
}

// readConnection reads what the Connection headers say: options for this hop, and names of headers that are for this
// hop only. Headers that the router writes itself can not be taken away by naming them there.
func (h *head) readConnection() {
	for i := range h.fields {
		if h.fields[i].kind != connectionField {
			continue
		}
		for token := range tokens(h.value(&h.fields[i])) {
			switch {
			case sameFold(token, "close"):
				h.wantsClose = true
			case sameFold(token, "keep-alive"):
				h.wantsKeep = true
			case sameFold(token, "upgrade"):
				h.wantsUpgrade = true
			default:
				for j := range h.fields {
					if f := &h.fields[j]; f.kind == otherField && bytes.EqualFold(h.name(f), token) {
						f.kind = hopField
					}
				}
			}
		}
	}
}

// tokens yields the members of a comma-separated list.
func tokens(v []byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(v) > 0 {
			t := v
			if i := bytes.IndexByte(v, ','); i >= 0 {
				t, v = v[:i], v[i+1:]
			} else {
				v = nil
			}
			if t = bytes.Trim(t, " \t"); len(t) > 0 && !yield(t) {
				return
			}
		}
	}
}
