// Package chaos breaks a real cluster in every way that we could think of, and
// counts what its receiver was told wrongly.
//
// One run is a network of its own: three hosts with a server process each, two
// hosts with senders that behave as Prometheus does, and one with a webhook
// receiver, joined by a switch in user space (Wire) that can lose, delay and cut
// per direction and per kind of traffic. A Scenario is a value: how the senders
// reach the nodes, what breaks when, and what is asked of the result. The same
// scenario runs on three processes of Tocsin and on three of Alertmanager, with
// the same flags.
//
// What is judged is only what a receiver sees. The Story says what was true
// when; Judge, a pure function, compares the two:
//
//  1. missed: an alert fired long enough and no message ever said so (I1);
//  2. duplicate: a message that says nothing that had not been said since it
//     became true (I2, I3);
//  3. false resolve: a message that says resolved while the alert fires (I17);
//  4. unresolved: an alert was told as firing, ended, and nobody told that.
//
// Whether Tocsin has a quorum, who leads and what its log says is looked at only
// to aim a fault, never to judge.
//
// All addresses are of namespaces that a run makes; the whole suite lives in one
// network namespace that has no way out, and refuses to run anywhere else. The
// processes die with the test.
package chaos
