package access

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tocsin/fsm/model"
)

// Records are the replicated records at one moment. *fsm.View is one.
type Records interface {
	// RecordRev changes whenever a record does.
	RecordRev() uint64
	Record(kind model.RecordKind, name string) (model.Record, bool)
	Records(kind model.RecordKind) iter.Seq[model.Record]
}

// Writer changes records, in the name of the actor in ctx; it returns when the
// change is in the records of this node. Errors are those of package refusal.
// words are for the audit.
type Writer interface {
	PutRecord(ctx context.Context, r model.Record, words Words) error
	DropRecord(ctx context.Context, r model.Record, words Words) error
}

// Words are what the audit says of a change.
type Words struct{ Action, Detail string }

// Keys are the tokens of the cluster, and what those without one may do. It is
// safe for concurrent use.
type Keys struct {
	records func() Records
	writer  Writer
	now     func() time.Time
	logger  *slog.Logger

	mu   sync.Mutex // held while known is made anew
	read atomic.Pointer[known]
}

// known is what the records said at one revision.
type known struct {
	rev       uint64
	byID      map[string]*Token
	anonymous Role
}

// KeysOptions are what Keys are made of; all but Logger are needed.
type KeysOptions struct {
	Records func() Records
	Writer  Writer
	Now     func() time.Time
	Logger  *slog.Logger
}

// NewKeys makes keys.
func NewKeys(o KeysOptions) *Keys {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Keys{records: o.Records, writer: o.Writer, now: o.Now, logger: o.Logger}
}

// DefaultAnonymous is what somebody without a token may do where the cluster
// does not say: what Alertmanager lets everybody do.
const DefaultAnonymous = Operator

// policyName is that of the record of what is allowed.
const policyName = "access"

// policy is the body of that record.
type policy struct {
	Anonymous Role `json:"anonymous"`
}

// current is what the records say now.
func (k *Keys) current() *known {
	records := k.records()
	rev := records.RecordRev()
	if n := k.read.Load(); n != nil && n.rev == rev {
		return n
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if n := k.read.Load(); n != nil && n.rev == rev {
		return n
	}
	n := k.learn(records)
	k.read.Store(n)
	return n
}

func (k *Keys) learn(records Records) *known {
	n := &known{rev: records.RecordRev(), byID: map[string]*Token{}, anonymous: DefaultAnonymous}
	for r := range records.Records(model.RecordAPIToken) {
		t, err := tokenOf(r)
		if err != nil {
			k.logger.Error("A token cannot be read; it is refused", "token", r.Name, "err", err)
			continue
		}
		n.byID[t.ID] = &t
	}
	if r, ok := records.Record(model.RecordPolicy, policyName); ok {
		var p policy
		if err := json.Unmarshal(r.Body, &p); err != nil || p.Anonymous > Operator {
			// Rather nothing than what nobody allowed.
			k.logger.Error("What those without a token may do cannot be read: they may do nothing", "err", err)
			p.Anonymous = None
		}
		n.anonymous = p.Anonymous
	}
	return n
}

// Why a secret is refused.
var (
	errUnknown = errors.New("this token is not known here: it was revoked, or it is of another cluster")
	errExpired = errors.New("this token has expired")
)

// find is the token of a secret.
func (k *Keys) find(n *known, secret string) (*Token, error) {
	id, ok := idOf(secret)
	if !ok {
		return nil, errUnknown
	}
	t, ok := n.byID[id]
	if !ok || !t.is(secret) {
		return nil, errUnknown
	}
	if t.Expired(k.now()) {
		return nil, errExpired
	}
	return t, nil
}

// Tokens are all tokens, by name, without their hashes.
func (k *Keys) Tokens() []Token {
	var all []Token
	for _, t := range k.current().byID {
		shown := *t
		shown.Hash = nil
		all = append(all, shown)
	}
	slices.SortFunc(all, func(a, b Token) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return all
}

// Anonymous is what somebody without a token may do.
func (k *Keys) Anonymous() Role { return k.current().anonymous }

// NewToken is what a token is made of.
type NewToken struct {
	Name string
	Role Role
	// TTL is how long it is valid; 0 = for ever.
	TTL time.Duration
}

// MaxTTL is the longest time that a token may be valid, if it is not for ever.
const MaxTTL = 100 * 365 * 24 * time.Hour

// ErrNewToken says that a token cannot be made as asked.
var ErrNewToken = errors.New("no token can be made of this")

// Create makes a token and returns its secret, which is kept nowhere. Errors:
// ErrNewToken, refusal.ErrConflict if there is one of that name, those of Writer.
func (k *Keys) Create(ctx context.Context, n NewToken) (Token, string, error) {
	switch {
	case !tokenName.MatchString(n.Name):
		return Token{}, "", fmt.Errorf("%w: %w", ErrNewToken, ErrTokenName)
	case n.Role == None || n.Role > Admin:
		return Token{}, "", fmt.Errorf("%w: its role must be ingest, viewer, operator or admin", ErrNewToken)
	case n.TTL < 0 || n.TTL > MaxTTL:
		return Token{}, "", fmt.Errorf("%w: its time to live must be from 0, which is for ever, to 100 years", ErrNewToken)
	}
	secret, t := mint(n.Name, n.Role)
	now := k.now()
	t.Created, t.CreatedBy = model.Millis(now.UnixMilli()), Actor(ctx).Name
	detail := "role " + n.Role.String() + ", for ever"
	if n.TTL > 0 {
		end := now.Add(n.TTL)
		t.Expires = model.Millis(end.UnixMilli())
		detail = "role " + n.Role.String() + ", until " + end.UTC().Format(time.RFC3339)
	}
	record := model.Record{Kind: model.RecordAPIToken, Name: t.Name, Body: t.body()}
	if err := k.writer.PutRecord(ctx, record, Words{"token.create", detail}); err != nil {
		return Token{}, "", err
	}
	t.Hash = nil
	return t, secret, nil
}

// Revoke ends a token; false if there is none of that name.
func (k *Keys) Revoke(ctx context.Context, name string) (bool, error) {
	r, ok := k.records().Record(model.RecordAPIToken, name)
	if !ok {
		return false, nil
	}
	return true, k.writer.DropRecord(ctx, r, Words{"token.revoke", ""})
}

// ErrAnonymous says that nobody in particular cannot have a role.
var ErrAnonymous = errors.New("those without a token can be none, ingest, viewer or operator: nobody is an admin without a name")

// SetAnonymous says what somebody without a token may do. Errors: ErrAnonymous,
// those of Writer.
func (k *Keys) SetAnonymous(ctx context.Context, r Role) error {
	if r > Operator {
		return ErrAnonymous
	}
	body, err := json.Marshal(policy{r})
	if err != nil {
		return fmt.Errorf("encode the policy: %w", err)
	}
	old, _ := k.records().Record(model.RecordPolicy, policyName)
	record := model.Record{Kind: model.RecordPolicy, Name: policyName, Rev: old.Rev, Body: body}
	return k.writer.PutRecord(ctx, record, Words{"access.set", "anonymous may do what " + r.String() + " does"})
}
