package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"tocsin/cluster"
	"tocsin/dispatcher/config"
	"tocsin/fsm/model"
	"tocsin/httpapi/admin"
)

// objectTo is this node's answer to another one that is about to propose a
// version of the configuration: an error if this node could not load it, for
// want of a file that only others have, say. Nothing is kept of it (I13).
func (n *Node) objectTo(_ context.Context, body []byte) error {
	var v model.ConfigVersion
	if err := model.Decode(body, &v); err != nil {
		return errors.New("the version cannot be read; do the nodes run the same program?")
	}
	problems := adminProblems(config.CheckVersion(proposedName, &v, withFiles(n.load)))
	if len(problems) == 0 {
		return nil
	}
	text, err := json.Marshal(problems)
	return errors.New(cmp.Or(string(text), fmt.Sprint(err)))
}

// withFiles are the options for a version that is only proposed: the files that
// it names must be there.
func withFiles(load config.Options) config.Options {
	load.NeedFiles = true
	return load
}

// ballot asks the other voters whether they can load a version. Error:
// *admin.Invalid, naming the first node that cannot and why.
func (n *Node) ballot(ctx context.Context, v *model.ConfigVersion) error {
	return invalidFor(n.cluster.AskVoters(ctx, model.Encode(v)))
}

func invalidFor(objections []cluster.Objection) error {
	if len(objections) == 0 {
		return nil
	}
	first := invalidOf(objections[0])
	return &first
}

// invalidOf is what another voter said of a version.
func invalidOf(o cluster.Objection) admin.Invalid {
	invalid := admin.Invalid{Node: o.Name}
	if json.Unmarshal([]byte(o.Text), &invalid.Problems) != nil || len(invalid.Problems) == 0 {
		invalid.Problems = []admin.Problem{{File: proposedName, Message: o.Text}}
	}
	return invalid
}

// spelledOut is err with its problems in its text, for the log and for
// POST /-/reload. file is the name of the file that was proposed.
func spelledOut(err error, file string) error {
	var invalid *admin.Invalid
	if !errors.As(err, &invalid) {
		return refused(err)
	}
	text := err.Error()
	for _, p := range invalid.Problems {
		if p.File == proposedName {
			p.File = file
		}
		text += fmt.Sprintf("\n%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
	}
	return errors.New(text)
}
