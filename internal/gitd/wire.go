package gitd

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"

	"github.com/cloister-dev/cloister"
)

// The hook and the server exchange frames: a kind, the length of the content in four bytes, the content.
//
//	hook → server   hello    who I am and what is pushed (JSON); the first frame, once
//	server → hook   text     to be shown
//	server → hook   source   wanted: the source of this commit
//	hook → server   about    the commit's message and submodules (JSON)
//	hook → server   data     a part of the tar archive
//	hook → server   done     the archive is complete
//	hook → server   broken   there is no archive, and why
//	server → hook   exit     the hook's exit status, in one byte; the last frame
const (
	frameHello  = 'h'
	frameText   = 't'
	frameSource = 's'
	frameAbout  = 'a'
	frameData   = 'd'
	frameDone   = 'e'
	frameBroken = 'b'
	frameExit   = 'x'
)

const maxFrame = 4 << 20

type hello struct {
	Secret  string   `json:"secret"` // of this push, not a cloister.Secret: it must be sent
	Updates []update `json:"updates"`
}

// An update is what a push wants to do to one ref.
type update struct {
	Old string `json:"old"`
	New string `json:"new"`
	Ref string `json:"ref"`
}

type about struct {
	Message    string               `json:"message"`
	Submodules []cloister.Submodule `json:"submodules"`
}

func writeFrame(w io.Writer, kind byte, content []byte) error {
	b := make([]byte, 5, 5+len(content))
	b[0] = kind
	binary.BigEndian.PutUint32(b[1:], uint32(len(content)))
	_, err := w.Write(append(b, content...))
	return err
}

func writeJSON(w io.Writer, kind byte, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(b) > maxFrame {
		return fmt.Errorf("frame of %d bytes is too long", len(b))
	}
	return writeFrame(w, kind, b)
}

// readFrame reads one frame. At the end of the stream, between two frames, the error is io.EOF.
func readFrame(r io.Reader) (kind byte, content []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > maxFrame {
		return 0, nil, fmt.Errorf("frame of %d bytes is too long", n)
	}
	content = make([]byte, n)
	if _, err := io.ReadFull(r, content); err != nil {
		return 0, nil, fmt.Errorf("frame is cut short: %w", io.ErrUnexpectedEOF)
	}
	return head[0], content, nil
}

// expect reads a frame of one kind, with JSON in it.
func expect(r io.Reader, kind byte, v any) error {
	got, content, err := readFrame(r)
	switch {
	case err != nil:
		return err
	case got == frameBroken:
		return cloister.Errorf(cloister.Invalid, "%s", content)
	case got != kind:
		return fmt.Errorf("frame %q came where %q was expected", got, kind)
	}
	return json.Unmarshal(content, v)
}
