package wire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/klauspost/compress/gzip"
	"google.golang.org/protobuf/encoding/protowire"
)

const (
	// mostBytes is the largest object that is believed. An object is stored as a
	// request of etcd's, of which 1.5 MiB are the default and 16 not heard of.
	mostBytes = 16 << 20
	// bufferBytes holds a few objects, so that most need no copying.
	bufferBytes = 128 << 10
)

const magic = "k8s\x00"

// Numbers of the fields of runtime.Unknown and of every list
// (k8s.io/apimachinery, pkg/runtime/generated.proto and any list's).
const (
	unknownRaw   = 2
	listMetadata = 1
	listItems    = 2
)

// List is a Kubernetes list that is being received.
type List struct {
	in *bufio.Reader
	// left of the list's bytes.
	left uint64
	// long holds an object that is larger than the buffer.
	long []byte
	// taken of the buffer by the object that was returned last.
	taken int
}

// NewList begins to read a list. It fails if what the server sends is none, or
// not in protobuf.
func NewList(r io.Reader) (*List, error) {
	l := &List{in: bufio.NewReaderSize(r, bufferBytes)}
	if err := l.unpack(); err != nil {
		return nil, err
	}
	start, err := l.in.Peek(len(magic))
	if err != nil {
		return nil, unexpected(err)
	}
	if string(start) != magic {
		return nil, fmt.Errorf("the server sent something else than protobuf, beginning with %q", bytes.ToValidUTF8(start, nil))
	}
	l.taken = len(magic)
	return l, l.findRaw()
}

// unpack undoes the server's compression, if there is any.
func (l *List) unpack() error {
	start, err := l.in.Peek(2)
	if err != nil || start[0] != 0x1f || start[1] != 0x8b {
		return nil //nolint:nilerr // what follows reads again and says what is wrong
	}
	unpacked, err := gzip.NewReader(l.in)
	if err != nil {
		return unexpected(err)
	}
	l.in = bufio.NewReaderSize(unpacked, bufferBytes)
	return nil
}

// findRaw skips what stands in the envelope before the list.
func (l *List) findRaw() error {
	l.left = math.MaxUint64
	for {
		number, kind, err := l.tag()
		if err != nil {
			return unexpected(err)
		}
		length, err := l.length(number, kind)
		if err != nil {
			return err
		}
		if number == unknownRaw {
			l.left = length
			return nil
		}
		if _, err := l.bytes(length); err != nil {
			return err
		}
	}
}

// Next gives the next message of the list: its metadata if isItem is false, or an
// object. The bytes are valid until the next call. The error is io.EOF when the
// list is complete, and io.ErrUnexpectedEOF when it is cut off.
func (l *List) Next() (message []byte, isItem bool, err error) {
	for l.left > 0 {
		number, kind, err := l.tag()
		if err != nil {
			return nil, false, unexpected(err)
		}
		length, err := l.length(number, kind)
		if err != nil {
			return nil, false, err
		}
		message, err := l.bytes(length)
		if err != nil || number == listMetadata || number == listItems {
			return message, number == listItems, err
		}
	}
	return nil, false, l.end()
}

// end reads what follows the list in its envelope, without which it is not known
// to be complete, nor can the connection be used again.
func (l *List) end() error {
	l.release()
	if _, err := io.Copy(io.Discard, l.in); err != nil {
		return err
	}
	return io.EOF
}

func (l *List) tag() (protowire.Number, protowire.Type, error) {
	l.release()
	value, err := l.varint()
	if err != nil {
		return 0, 0, err
	}
	number, kind := protowire.DecodeTag(value)
	return number, kind, nil
}

// length of a field; none of an envelope or a list is anything but bytes.
func (l *List) length(number protowire.Number, kind protowire.Type) (uint64, error) {
	if kind != protowire.BytesType {
		return 0, fmt.Errorf("the server sent a list with a field %d of type %d, which is none of a list's", number, kind)
	}
	length, err := l.varint()
	return length, unexpected(err)
}

// varint reads a number within the list. At the end of the envelope the error is
// io.EOF.
func (l *List) varint() (uint64, error) {
	text, err := l.in.Peek(protowire.SizeVarint(math.MaxUint64))
	if len(text) == 0 {
		return 0, err
	}
	value, n := protowire.ConsumeVarint(text)
	if n < 0 {
		if err != nil {
			return 0, unexpected(err)
		}
		return 0, fmt.Errorf("the server sent a list with a broken number: %w", protowire.ParseError(n))
	}
	if _, err := l.in.Discard(n); err != nil {
		return 0, err
	}
	return value, l.spend(uint64(n)) //nolint:gosec // n is not negative
}

func (l *List) spend(n uint64) error {
	if n > l.left {
		return errors.New("the server sent a list with an object that reaches beyond its end")
	}
	l.left -= n
	return nil
}

// bytes gives the next bytes without copying them where the buffer holds them.
func (l *List) bytes(n uint64) ([]byte, error) {
	if err := l.spend(n); err != nil {
		return nil, err
	}
	if n <= bufferBytes {
		l.taken = int(n) //nolint:gosec // no more than the buffer
		text, err := l.in.Peek(l.taken)
		return text, unexpected(err)
	}
	if n > mostBytes {
		return nil, fmt.Errorf("the server sent an object of %d bytes; more than %d are not believed", n, mostBytes)
	}
	l.long = append(l.long[:0], make([]byte, n)...)
	_, err := io.ReadFull(l.in, l.long)
	return l.long, unexpected(err)
}

// release frees the part of the buffer that was lent.
func (l *List) release() {
	// As many bytes were peeked at, or the read that failed is repeated and fails.
	_, _ = l.in.Discard(l.taken)
	l.taken = 0
}

// unexpected is an end where none may be.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
