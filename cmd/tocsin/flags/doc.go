// Package flags is the command line of `tocsin server`: Alertmanager's flags
// with Alertmanager's meaning and defaults, and the few that are ours.
//
// It owns the names, the help texts, the `--no-` forms of switches, and the
// warnings for flags that have no meaning here. It must not know what a node
// does with a setting.
package flags
