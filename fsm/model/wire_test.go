package model_test

import (
	"errors"
	"math"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"tocsin/fsm/model"
)

type writer interface{ WriteWire(*model.WireWriter) }

type reader interface{ ReadWire(*model.WireReader) }

// Every type comes back as it was written, with all its fields, and is written
// alike when it came back.
func TestWireRoundTrip(t *testing.T) {
	for _, zero := range []any{
		model.DeliveryKey{},
		model.Datum{},
		model.Delivery{},
		model.Entry{},
		model.Claim{},
		model.SpentToken{},
		model.Strand{},
		model.ClaimRequest{},
		model.Settlement{},
		model.Release{},
		model.Expiry{},
		model.Grant{},
		model.Send{},
		model.Overlay{},
		model.OverlayMark{},
		model.Silence{},
		model.Matcher{},
		model.Pair{},
		model.ConfigVersion{},
		model.TemplateFile{},
		model.Node{},
		model.Record{},
		model.Actor{},
		model.AuditRow{},
	} {
		typ := reflect.TypeOf(zero)
		t.Run(typ.Name(), func(t *testing.T) {
			full := reflect.New(typ)
			fill(full.Elem(), 1)
			check(t, typ, full)
			rapid.Check(t, func(rt *rapid.T) {
				v := reflect.New(typ)
				fillSome(rt, v.Elem())
				check(rt, typ, v)
			})
		})
	}
}

func check(t interface {
	Helper()
	Fatalf(string, ...any)
}, typ reflect.Type, v reflect.Value,
) {
	t.Helper()
	b := model.Encode(v.Interface().(writer))
	back := reflect.New(typ)
	if err := model.Decode(b, back.Interface().(reader)); err != nil {
		t.Fatalf("decode %v: %v", typ, err)
	}
	if !reflect.DeepEqual(v.Interface(), back.Interface()) {
		t.Fatalf("%v came back as\n%+v, it was\n%+v", typ, back.Elem(), v.Elem())
	}
}

// fill sets every field there is to something that is not zero.
func fill(v reflect.Value, n int) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n+i)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i), n+i)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.String:
		v.SetString(string(rune('a' + n)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float64:
		v.SetFloat(float64(n) + 0.5)
	case reflect.Int64:
		v.SetInt(-int64(n))
	default:
		v.SetUint(uint64(n))
	}
}

// fillSome leaves about half of all at zero and goes to the ends of the rest.
func fillSome(t *rapid.T, v reflect.Value) {
	if v.Kind() != reflect.Struct && rapid.Bool().Draw(t, "zero") {
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fillSome(t, v.Field(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillSome(t, v.Elem())
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[model.AlertSet]() {
			v.Set(reflect.ValueOf(model.NewAlertSet(hashes.Draw(t, "set")...)))
			return
		}
		n := rapid.IntRange(1, 3).Draw(t, "len")
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fillSome(t, v.Index(i))
		}
	case reflect.Array:
		fill(v, 3)
	case reflect.String:
		v.SetString(rapid.String().Draw(t, "text"))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float64:
		v.SetFloat(rapid.SampledFrom([]float64{math.Inf(1), math.SmallestNonzeroFloat64, -1.5}).Draw(t, "float"))
	case reflect.Int64:
		v.SetInt(rapid.SampledFrom([]int64{math.MinInt64, -1, 1, math.MaxInt64}).Draw(t, "int"))
	default:
		v.SetUint(math.MaxUint64 >> (64 - v.Type().Bits()))
	}
}

func TestWireRejects(t *testing.T) {
	for _, f := range []struct {
		name string
		b    []byte
		into reader
		want error
	}{
		{"a field that nobody knows", []byte{0x78, 1}, new(model.DeliveryKey), model.ErrWireUnknown},
		{"a field out of order", []byte{0x12, 1, 'a', 0x0a, 1, 'b'}, new(model.DeliveryKey), model.ErrWire},
		{"a field of another type", []byte{0x08, 1}, new(model.DeliveryKey), model.ErrWire},
		{"a text cut off", []byte{0x0a, 5, 'a'}, new(model.DeliveryKey), model.ErrWire},
		{"a tag cut off", []byte{0xff}, new(model.DeliveryKey), model.ErrWire},
		{"a token too short", []byte{0x0a, 1, 'a'}, new(model.SpentToken), model.ErrWire},
		{"a truth of 2", []byte{0x10, 2}, new(model.SpentToken), model.ErrWire},
		{"a set out of order", append(append([]byte{0x42, 16}, 2, 0, 0, 0, 0, 0, 0, 0), 1, 0, 0, 0, 0, 0, 0, 0), new(model.Overlay), model.ErrWire},
		{"a set cut off", []byte{0x42, 4, 1, 0, 0, 0}, new(model.Overlay), model.ErrWire},
		{"a number too big for its field", []byte{0x08, 0x80, 0x02}, new(model.Grant), model.ErrWire},
		{"an error in a message inside", []byte{0x0a, 2, 0x78, 1}, new(model.Expiry), model.ErrWireUnknown},
	} {
		t.Run(f.name, func(t *testing.T) {
			if err := model.Decode(f.b, f.into); !errors.Is(err, f.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}
