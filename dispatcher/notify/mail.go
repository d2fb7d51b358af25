package notify

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"maps"
	netmail "net/mail"
	"os"
	"time"

	upstreamalert "github.com/prometheus/alertmanager/alert"
	amconfig "github.com/prometheus/alertmanager/config"
	upstream "github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/template"
)

// mail tells by mail. It is ours, because upstream's notifier heeds its context
// only while it connects: a mail server that falls silent would keep the sender
// past the end of its claim (I9). What it sends is the same; a test compares the
// two.
type mail struct {
	conf    *amconfig.EmailConfig
	tmpl    *template.Template
	logger  *slog.Logger
	headers map[string]string
	host    string
}

// newMail fills in the headers that the configuration leaves out.
func newMail(conf *amconfig.EmailConfig, tmpl *template.Template, logger *slog.Logger) *mail {
	m := &mail{conf: conf, tmpl: tmpl, logger: logger, headers: map[string]string{
		"Subject": amconfig.DefaultEmailSubject,
		"To":      conf.To,
		"From":    conf.From,
	}}
	maps.Copy(m.headers, conf.Headers)
	var err error
	if m.host, err = os.Hostname(); err != nil {
		m.host = "localhost.localdomain"
	}
	return m
}

// Notify implements upstream's Notifier. The message is made before the first
// word to the server, so a bad template never leaves half a message there.
func (m *mail) Notify(ctx context.Context, alerts ...*upstreamalert.Alert) (bool, error) {
	data := upstream.GetTemplateData(ctx, m.tmpl, alerts, m.logger)
	from, to, err := m.addresses(data)
	if err != nil {
		return false, err
	}
	text, err := m.text(ctx, data)
	if err != nil {
		return false, err
	}
	talk, retry, err := m.connect(ctx)
	if err != nil {
		return retry, ended(ctx, err)
	}
	retry, err = talk.deliver(from, to, text)
	if err != nil {
		return retry, ended(ctx, err)
	}
	return false, nil
}

// ended is err, and the context's error if that is what broke the conversation.
func ended(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return fmt.Errorf("%w: %w", err, context.Cause(ctx))
}

// addresses are who sends and who is to receive.
func (m *mail) addresses(data *template.Data) (from string, to []string, err error) {
	sender, err := m.tmpl.ExecuteTextString(m.conf.From, data)
	if err != nil {
		return "", nil, fmt.Errorf("render from: %w", err)
	}
	receivers, err := m.tmpl.ExecuteTextString(m.conf.To, data)
	if err != nil {
		return "", nil, fmt.Errorf("render to: %w", err)
	}
	list, err := netmail.ParseAddressList(sender)
	if err != nil {
		return "", nil, fmt.Errorf("read from: %w", err)
	}
	if len(list) != 1 {
		return "", nil, fmt.Errorf("read from: there are %d addresses, not one", len(list))
	}
	from = list[0].Address
	if list, err = netmail.ParseAddressList(receivers); err != nil {
		return "", nil, fmt.Errorf("read to: %w", err)
	}
	for _, a := range list {
		to = append(to, a.Address)
	}
	return from, to, nil
}

// messageID is the delivery ID as a mail's, or chance where there is none.
func (m *mail) messageID(ctx context.Context) string {
	if x := exchangeOf(ctx); x != nil && x.id != "" {
		return "<" + x.id + "@" + m.host + ">"
	}
	return "<" + rand.Text() + "@" + m.host + ">"
}

// thread is the message that a group's mails all claim to answer, so that mail
// programs keep them together. It was never sent.
func (m *mail) thread(ctx context.Context, now time.Time) (string, error) {
	key, err := upstream.ExtractGroupKey(ctx)
	if err != nil {
		return "", err
	}
	day := ""
	if m.conf.Threading.ThreadByDate != "none" {
		day = now.Format(time.DateOnly)
	}
	return fmt.Sprintf("<alert-%.16s-%s@alertmanager>", key.Hash(), day), nil
}
