package dev

import (
	"fmt"
	"strings"
	"time"
)

// welcome says where things are and what to try.
func (d *demonstration) welcome(took time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Three nodes of Tocsin formed a cluster in %.1f s. Ctrl-C stops them and removes their data.\n\n", took.Seconds())
	for i, n := range d.nodes {
		fmt.Fprintf(&b, "  node%d   status page and API   http://%s/\n", i+1, n.WebAddress())
	}
	first := d.nodes[0].WebAddress()
	command := func(what, args string) {
		fmt.Fprintf(&b, "\n  # %s\n  %s %s\n", what, d.opts.Program, args+d.address(first))
	}
	b.WriteString("\nWhat the receiver gets is printed here. To try, in another terminal:\n")
	command("an alert: one notification, although there are three nodes", `alert add DiskFull instance=db1 severity=critical --annotation summary="Disk of db1 is full"`)
	command("silence it", `silence add DiskFull -d 10m -c "new disk is coming"`)
	command("who leads, and how many nodes may fail", "status")
	b.WriteByte('\n')
	return b.String()
}

// address is the flag that the commands need, if the first node has not the
// default port.
func (d *demonstration) address(first string) string {
	if first == "127.0.0.1:9093" {
		return ""
	}
	return " --address http://" + first
}
