// Package notify tells receivers: it builds Alertmanager's eighteen integrations
// and sends one message through one of them.
//
// It owns the built Receiver and its Integrations, the Message that goes in, the
// Result that comes out (may it be retried, when, and why it failed), the
// delivery ID and the marks of it on the wire, what an integration keeps between
// messages, the back-off rule, and the metrics about notifications. It must not
// know routes, groups, the ledger, claims, or when to send: whoever calls Send
// has decided, and decides about the next try.
//
// # The same as Alertmanager
//
// Messages are made by Alertmanager's own notifiers, so bodies are its bodies.
// What is added: webhooks carry the header Idempotency-Key and, in the default
// body, the field deliveryId, and degraded when the node had no quorum; mail
// carries a Message-Id made of the delivery ID unless the configuration sets
// one.
//
// # Where it differs
//
// An answer of 429 may be retried for every integration, and Retry-After is
// heeded. Telegram's notifier changes its client on every call and ignores the
// context; here its sends take turns and end with their context. Mail is bound
// by its context in every phase, not only while it dials. The text of an error
// never shows a secret.
//
// A message may carry a Check, which is asked last before a request is written,
// once its connection is there: a process that was stopped meanwhile must not
// send what was true before. What did not get so far is told as unsent.
//
// Left as it is upstream: a FIFO topic of SNS gets the hash of the group key as
// its deduplication ID, because the request is signed before anything of ours
// sees it; AWS drops a second message of a group within five minutes.
//
// Invariants: I3 (equal delivery IDs on retries and takeovers), I13 as far as a
// Receiver is built from one configuration and never changes.
package notify
