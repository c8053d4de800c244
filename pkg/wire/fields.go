// Package wire reads Kubernetes lists in protobuf as they arrive: one object at
// a time, and of each only the fields that somebody looks at.
//
// The format is that of k8s.io/apimachinery/pkg/runtime/serializer/protobuf: four
// bytes "k8s\0", then a runtime.Unknown whose raw bytes are the list.
package wire

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// Fields says which fields of a message to keep, by their numbers in the type's
// generated.proto: each as a whole (nil), or only some of its own fields. Fields
// of fields are possible only where the field is a message.
type Fields map[protowire.Number]Fields

// Whole keeps all of a field.
func Whole() Fields { return nil }

var errMessage = errors.New("the message is not protobuf")

// Append appends to dst what of a message is to be kept, again as a message. A
// message of which nothing is kept is there still, empty.
func (f Fields) Append(dst, message []byte) ([]byte, error) {
	if f == nil {
		return append(dst, message...), nil
	}
	for len(message) > 0 {
		number, kind, tag := protowire.ConsumeTag(message)
		if tag < 0 {
			return nil, fmt.Errorf("%w: %w", errMessage, protowire.ParseError(tag))
		}
		value := protowire.ConsumeFieldValue(number, kind, message[tag:])
		if value < 0 {
			return nil, fmt.Errorf("%w: field %d: %w", errMessage, number, protowire.ParseError(value))
		}
		if inner, kept := f[number]; kept {
			var err error
			if dst, err = inner.appendField(dst, message[:tag], message[tag:tag+value], kind); err != nil {
				return nil, err
			}
		}
		message = message[tag+value:]
	}
	return dst, nil
}

func (f Fields) appendField(dst, tag, value []byte, kind protowire.Type) ([]byte, error) {
	dst = append(dst, tag...)
	if f == nil || kind != protowire.BytesType {
		return append(dst, value...), nil
	}
	inner, _ := protowire.ConsumeBytes(value)
	start := len(dst)
	dst, err := f.Append(dst, inner)
	if err != nil {
		return nil, err
	}
	return withLength(dst, start), nil
}

// withLength puts the length of what follows at start before it.
func withLength(dst []byte, start int) []byte {
	length := len(dst) - start
	size := protowire.SizeVarint(uint64(length)) //nolint:gosec // a length is not negative
	var room [10]byte
	dst = append(dst, room[:size]...)
	copy(dst[start+size:], dst[start:start+length])
	protowire.AppendVarint(dst[:start], uint64(length)) //nolint:gosec // a length is not negative
	return dst
}

// Numbers of the fields of every object and of its metadata
// (k8s.io/apimachinery, pkg/apis/meta/v1/generated.proto).
const (
	objectMetadata    = 1
	metadataName      = 1
	metadataNamespace = 3
)

// Name reads an object's name and namespace.
func Name(object []byte) (namespace, name string, err error) {
	for len(object) > 0 {
		number, value, rest, err := field(object)
		if err != nil {
			return "", "", err
		}
		if number == objectMetadata {
			return nameIn(value)
		}
		object = rest
	}
	return "", "", nil
}

func nameIn(metadata []byte) (namespace, name string, err error) {
	for len(metadata) > 0 {
		number, value, rest, err := field(metadata)
		if err != nil {
			return "", "", err
		}
		if number == metadataName {
			name = string(value)
		}
		if number == metadataNamespace {
			namespace = string(value)
		}
		metadata = rest
	}
	return namespace, name, nil
}

// field gives the first field of a message, and what comes after it. The value is
// the contents of a string or message, and nil for other types.
func field(message []byte) (number protowire.Number, value, rest []byte, err error) {
	number, kind, tag := protowire.ConsumeTag(message)
	if tag < 0 {
		return 0, nil, nil, fmt.Errorf("%w: %w", errMessage, protowire.ParseError(tag))
	}
	n := protowire.ConsumeFieldValue(number, kind, message[tag:])
	if n < 0 {
		return 0, nil, nil, fmt.Errorf("%w: field %d: %w", errMessage, number, protowire.ParseError(n))
	}
	if kind == protowire.BytesType {
		value, _ = protowire.ConsumeBytes(message[tag:])
	}
	return number, value, message[tag+n:], nil
}
