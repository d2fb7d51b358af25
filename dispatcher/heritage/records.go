package heritage

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"tocsin/fsm/model"
)

// Bounds of a file. What is beyond them is not read, and said as damage.
const (
	MaxRecords     = 1 << 20
	MaxRecordBytes = 16 << 20
)

var (
	// ErrDamaged says that a file cannot be read to its end.
	ErrDamaged = errors.New("the rest of the file cannot be read")
	// ErrTooMany says that a file has more records than are read.
	ErrTooMany = fmt.Errorf("there are more than %d records", MaxRecords)
)

// LeftOut is a record that is not taken, and why.
type LeftOut struct {
	// What names the record: a silence's ID, or a group with its receiver.
	What string
	Why  string
}

// each reads records, each behind its length, until the file ends. The message
// that make gives is filled and handed to do. Error: ErrDamaged.
func each[M proto.Message](r io.Reader, empty func() M, do func(M)) error {
	in := bufio.NewReader(r)
	options := protodelim.UnmarshalOptions{MaxSize: MaxRecordBytes}
	for n := 1; ; n++ {
		m := empty()
		err := options.UnmarshalFrom(in, m)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("%w: record %d: %w", ErrDamaged, n, err)
		case n > MaxRecords:
			return fmt.Errorf("%w: %w", ErrDamaged, ErrTooMany)
		}
		do(m)
	}
}

// millis is a time of a record; 0 if there is none, or none that can be.
func millis(t *timestamppb.Timestamp) model.Millis {
	if t == nil || t.CheckValid() != nil || t.AsTime().IsZero() {
		return 0
	}
	return model.Millis(t.AsTime().UnixMilli())
}
