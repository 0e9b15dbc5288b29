package router

import (
	"bytes"
	"errors"
)

// A response is a parsed response head, in the buffer of its connection: it is good until the next read.
type response struct {
	head
	status int
	reason []byte // the status line from the code on
	old    bool   // HTTP/1.0
	framing
}

// A framing says how a body ends.
type framing struct {
	mode   framingMode
	length int64 // with byLength
}

type framingMode uint8

const (
	noBody framingMode = iota
	byLength
	byChunks
	byClose
)

// What a response can be, beside malformed: of a length that makes no sense, or longer than what is passed on.
var (
	errReplyLength = errors.New("invalid content length")
	errStatusLine  = errors.New("oversized status line")
	errCookie      = errors.New("oversized cookie")
)

// parse reads a response to a request with the given method.
func (p *response) parse(raw, method []byte) error {
	fields := p.fields
	*p = response{}
	p.fields = fields
	end := bytes.IndexByte(raw, '\n')
	if end < 12 || raw[end-1] != '\r' {
		return errLine
	}
	line := raw[:end-1]
	if len(line) > maxLine {
		return errStatusLine
	}
	if !bytes.HasPrefix(line, []byte("HTTP/1.")) || line[7] != '1' && line[7] != '0' || line[8] != ' ' || !cleanValue(line) {
		return errLine
	}
	p.old, p.reason = line[7] == '0', line[9:]
	for _, b := range line[9:12] {
		if b < '0' || b > '9' {
			return errLine
		}
		p.status = p.status*10 + int(b-'0')
	}
	if p.status < 100 || len(line) > 12 && line[12] != ' ' {
		return errLine
	}
	if err := p.parseFields(raw, end+1, maxFieldLine); err != nil {
		return err
	}
	return p.frame(method)
}

func (p *response) frame(method []byte) error {
	p.framing = framing{mode: byClose}
	lengths := 0
	for i := range p.fields {
		f := &p.fields[i]
		if f.stop-f.value > maxCookie && sameFold(p.name(f), "set-cookie") {
			return errCookie
		}
		switch f.kind {
		case lengthField:
			n, ok := parseLength(p.value(f))
			if !ok || lengths > 0 && n != p.length {
				return errReplyLength
			}
			if lengths++; lengths > 1 {
				f.kind = hopField // said once is enough
			}
			if p.length = n; p.mode == byClose {
				p.mode = byLength
			}
		case encodingField:
			if p.mode == byChunks || p.old || !sameFold(p.value(f), "chunked") {
				return errEncoding
			}
			p.mode = byChunks
		}
	}
	if p.status < 200 || p.status == 204 || p.status == 304 || string(method) == "HEAD" {
		p.mode = noBody
	}
	return nil
}

// reusable reports whether the connection may carry another request after this response.
func (p *response) reusable() bool {
	return !p.wantsClose && !(p.old && !p.wantsKeep) && p.mode != byClose && p.status != 101
}
