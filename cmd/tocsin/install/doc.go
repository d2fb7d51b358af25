// Package install makes a machine a node: user, folders, unit file, flags,
// firewall rules, shell completion, manual pages; and takes that away again.
//
// It owns which files Tocsin has on a machine, where, and with which modes: the
// packages for Debian and RHEL are made of the same list (see Files). What is to
// be done is a list of Steps, made by Plan from Options and Facts without
// touching anything; Run does them.
//
// What always holds:
//   - A step that is done already does nothing, so a plan can be run again.
//   - When a step fails, what this run did is taken back, the newest first, and
//     the service runs again if it ran.
//   - What people wrote and what a node remembers (/etc/tocsin, /var/lib/tocsin)
//     is never overwritten or removed, but for the one line of flags that is
//     marked as ours, and Purge.
//
// It must not know what a node does with its flags.
package install
