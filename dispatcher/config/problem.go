package config

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	// File is the name of the file: what Check was given for the YAML, or a
	// template's name.
	File string `json:"file"`
	// Line and Column count from 1. Column 0 means that only the line is
	// known, Line 0 that neither is.
	Line   int `json:"line"`
	Column int `json:"column"`
	// Message says what is wrong and, where that is not plain, what to do. It
	// has no secrets.
	Message string `json:"message"`
}

// String is file:line:column: message.
func (p Problem) String() string {
	switch {
	case p.Line == 0:
		return fmt.Sprintf("%s: %s", p.File, p.Message)
	case p.Column == 0:
		return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Message)
	default:
		return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
	}
}

// Problems are all that is wrong with a configuration, in the order of the
// text. It is an error if there are any; see Err.
type Problems []Problem

// Error is all problems, one a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Err is ps, or nil if there are none.
func (ps Problems) Err() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}

// sorted is ps in the order of the text, the YAML before the templates, without
// repeats.
func (ps Problems) sorted(yamlName string) Problems {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		if a.File != b.File {
			if a.File == yamlName {
				return -1
			}
			if b.File == yamlName {
				return 1
			}
			return strings.Compare(a.File, b.File)
		}
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return slices.Compact(ps)
}
