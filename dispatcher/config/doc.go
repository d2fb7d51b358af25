// Package config turns the text of a configuration into something that runs.
//
// It owns reading the file with its templates (Bundle), finding everything that
// is wrong with it at once, with the place (Check), the keys that Alertmanager
// does not know (they are turned into ones that it does), and compiling (Load).
// It must not know where versions are kept, how they are agreed on, or what runs
// from them: it reads files only in Bundle and, for the content hashes of files
// that each node has of its own, in Load.
//
// # Who judges
//
// Alertmanager's parser does, always: whatever it refuses is refused, and
// nothing is accepted that it would not run. What is done before it is to find
// all problems instead of the first, to give each its line and column, and to
// keep from it what would make it panic (an empty entry in a list). The tree of
// known keys is read off Alertmanager's own types, so no key is listed here.
//
// # Keys of ours
//
// subject and body of an email_configs entry, which many guides show, become
// headers.Subject and text, with html empty so that the text is what is read.
//
// A text with such keys is written anew for Alertmanager's parser, with aliases
// and merges written out; all other texts reach it as they are. The one thing that
// reads differently then: where << merges two mappings that both have matchers,
// Alertmanager joins the lists, and a text written anew has the later one.
//
// Invariants: I13 (a version that cannot be loaded is refused, with the reason).
package config
