// Package gossip knows which nodes are there: memberlist with our own words
// around it.
//
// Every node tells a few facts about itself (Meta: who it is, of which cluster,
// where its Raft and its API are, which config it runs, how it feels), and
// short messages can be spread to all. Everything in it may be lost or late
// without harm: no decision that must hold is taken here.
//
// Nodes of another cluster are refused by name. Alertmanager's cluster flags
// mean here what they mean there: peers are resolved anew and joined again for
// as long as they are missing.
//
// With keys, everything is encrypted and nothing else is understood. Who does not
// have them is named once a minute.
//
// It must not know Raft, commands or what the messages say.
package gossip
