package model_test

import (
	"errors"
	"slices"
	"testing"

	"tocsin/fsm/model"
)

func TestToken(t *testing.T) {
	tok := model.Token{1, 2, 0xff}
	text, err := tok.MarshalText()
	if err != nil || string(text) != "0102ff00000000000000000000000000" {
		t.Errorf("token is %q, %v", text, err)
	}
	var back model.Token
	if err := back.UnmarshalText(text); err != nil || back != tok {
		t.Errorf("it came back as %v, %v", back, err)
	}
	for _, bad := range []string{"", "01", string(text) + "00", "zz02ff00000000000000000000000000"} {
		if err := back.UnmarshalText([]byte(bad)); !errors.Is(err, model.ErrBadToken) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if tok.IsZero() || !(model.Token{}).IsZero() {
		t.Error("zero is not told from a token")
	}
}

func TestSilenceState(t *testing.T) {
	s := model.Silence{StartsAt: 10, EndsAt: 20}
	for now, want := range map[model.Millis]string{9: "pending", 10: "active", 20: "active", 21: "expired"} {
		if got := s.State(now).String(); got != want {
			t.Errorf("at %d it is %s", now, got)
		}
	}
}

func TestOverlayMarkCovers(t *testing.T) {
	m := model.OverlayMark{Origin: "n1", Epoch: 5, Seq: 7}
	for o, want := range map[model.OverlayMark]bool{
		{Origin: "n1", Epoch: 5, Seq: 7}: true,
		{Origin: "n1", Epoch: 5, Seq: 8}: false,
		{Origin: "n1", Epoch: 4, Seq: 9}: true,
		{Origin: "n1", Epoch: 6, Seq: 1}: false,
		{Origin: "n2", Epoch: 5, Seq: 7}: false,
	} {
		if got := m.Covers(model.Overlay{Origin: o.Origin, Epoch: o.Epoch, Seq: o.Seq}); got != want {
			t.Errorf("%v covers %v: %v", m, o, got)
		}
	}
}

func TestSumTellsPartsApart(t *testing.T) {
	sums := [][32]byte{
		(&model.ConfigVersion{YAML: []byte("ab")}).Sum(),
		(&model.ConfigVersion{YAML: []byte("a"), Templates: []model.TemplateFile{{Name: "b"}}}).Sum(),
		(&model.ConfigVersion{YAML: []byte("a"), Templates: []model.TemplateFile{{Text: []byte("b")}}}).Sum(),
		(&model.ConfigVersion{Templates: []model.TemplateFile{{Name: "ab"}}}).Sum(),
	}
	for i, s := range sums {
		if slices.Contains(sums[i+1:], s) {
			t.Errorf("version %d has the sum of another", i)
		}
	}
	c := &model.ConfigVersion{YAML: []byte("ab"), Author: "someone", Rev: 9}
	if c.Sum() != sums[0] {
		t.Error("the sum hangs on more than the texts")
	}
}

func TestDeliveryKeyOrder(t *testing.T) {
	keys := []model.DeliveryKey{{"a", "a", "a"}, {"a", "a", "b"}, {"a", "b", "a"}, {"b", "", ""}}
	if !slices.IsSortedFunc(keys, model.DeliveryKey.Compare) {
		t.Error("keys are not ordered by group, receiver, integration")
	}
}

func TestCutOff(t *testing.T) {
	for q, want := range map[model.Quorum]bool{
		{Voters: 3, Reachable: 2}: false,
		{Voters: 3, Reachable: 1}: true,
		{Voters: 4, Reachable: 2}: false,
		{Voters: 1, Reachable: 1}: false,
	} {
		if q.CutOff() != want {
			t.Errorf("%+v: %v", q, q.CutOff())
		}
	}
}
