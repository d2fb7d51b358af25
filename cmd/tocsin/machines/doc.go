// Package machines boots three machines with a real systemd (containers of
// systemd-nspawn, of the Debian that testdata/machine-image.sh makes) and has
// Tocsin live there: installed by the package and by the lines of the README,
// stopped, restarted, upgraded, hung, killed, without power. A source and a
// receiver outside go on all the while; what fires is told once.
//
// It has tests only. They need root, and run in network, mount and process
// namespaces of their own: when they end, however they do, the machines end.
package machines
