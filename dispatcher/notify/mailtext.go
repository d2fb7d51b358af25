package notify

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/textproto"
	"slices"
	"time"

	"github.com/prometheus/alertmanager/template"
)

// text is the whole message: headers, then the text and the HTML, of which mail
// programs show the last that they can.
func (m *mail) text(ctx context.Context, data *template.Data) ([]byte, error) {
	var parts bytes.Buffer
	w := multipart.NewWriter(&parts)
	plain, err := m.tmpl.ExecuteTextString(m.conf.Text, data)
	if err != nil {
		return nil, fmt.Errorf("render text: %w", err)
	}
	html, err := m.tmpl.ExecuteHTMLString(m.conf.HTML, data)
	if err != nil {
		return nil, fmt.Errorf("render html: %w", err)
	}
	if m.conf.Text != "" {
		if err := addPart(w, "text/plain; charset=UTF-8", plain); err != nil {
			return nil, err
		}
	}
	if m.conf.HTML != "" {
		if err := addPart(w, "text/html; charset=UTF-8", html); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("write message: %w", err)
	}
	var message bytes.Buffer
	if err := m.writeHeaders(ctx, &message, data, w.Boundary()); err != nil {
		return nil, err
	}
	message.Write(parts.Bytes())
	return message.Bytes(), nil
}

func (m *mail) writeHeaders(ctx context.Context, b *bytes.Buffer, data *template.Data, boundary string) error {
	for _, name := range slices.Sorted(maps.Keys(m.headers)) {
		value, err := m.tmpl.ExecuteTextString(m.headers[name], data)
		if err != nil {
			return fmt.Errorf("render header %s: %w", name, err)
		}
		fmt.Fprintf(b, "%s: %s\r\n", name, mime.QEncoding.Encode("utf-8", value))
	}
	if _, ok := m.headers["Message-Id"]; !ok {
		fmt.Fprintf(b, "Message-Id: %s\r\n", m.messageID(ctx))
	}
	now := time.Now()
	if m.conf.Threading.Enabled {
		root, err := m.thread(ctx, now)
		if err != nil {
			return err
		}
		fmt.Fprintf(b, "References: %s\r\nIn-Reply-To: %s\r\n", root, root)
	}
	fmt.Fprintf(b, "Date: %s\r\n", now.Format(time.RFC1123Z))
	fmt.Fprintf(b, "Content-Type: multipart/alternative;  boundary=%s\r\nMIME-Version: 1.0\r\n\r\n", boundary)
	return nil
}

func addPart(w *multipart.Writer, contentType, text string) error {
	part, err := w.CreatePart(textproto.MIMEHeader{
		"Content-Transfer-Encoding": {"quoted-printable"},
		"Content-Type":              {contentType},
	})
	if err != nil {
		return fmt.Errorf("write message: %w", err)
	}
	q := quotedprintable.NewWriter(part)
	if _, err := q.Write([]byte(text)); err != nil {
		return fmt.Errorf("write message: %w", err)
	}
	if err := q.Close(); err != nil {
		return fmt.Errorf("write message: %w", err)
	}
	return nil
}
