package e2e_test

import (
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
)

// exim is a mail server that puts every mail into one box.
type exim struct {
	t   testing.TB
	dir string
	// CA is the file of the authority of its certificate.
	CA string
}

// eximOptions say how a mail server listens.
type eximOptions struct {
	// Addr is its address, Host the name that its certificate is for.
	Addr, Host string
	Port       int
	// User and Password, if there are any, are needed to send.
	User, Password string
	// Wrap stands before the command.
	Wrap []string
}

// mailbox is a folder that the mail server's user may reach; a test's own
// temporary folder is for its own user only.
func mailbox(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tocsin-mail-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// startExim starts a mail server and waits until it answers; dial reaches it.
func startExim(t testing.TB, o eximOptions) *exim {
	t.Helper()
	rig.NeedRoot(t)
	prog := rig.NeedTool(t, "exim4")
	owner, err := user.Lookup("Debian-exim")
	rig.Need(t, err == nil, "there is no user Debian-exim")
	e := &exim{t: t, dir: mailbox(t)}
	cert, key := makeCert(t, e.dir, o.Host)
	e.CA = cert
	uid, _ := strconv.Atoi(owner.Uid)
	gid, _ := strconv.Atoi(owner.Gid)
	for _, sub := range []string{"spool", "box", "log"} {
		path := filepath.Join(e.dir, sub)
		if err := os.Mkdir(path, 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(path, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(key, uid, gid); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(e.dir, "exim.conf")
	if err := os.WriteFile(conf, []byte(eximConfig(e.dir, cert, key, o)), 0o644); err != nil {
		t.Fatal(err)
	}
	// Pdeathsig would be lost when it changes its user, but it does not: the
	// listener stays root's.
	p := rig.Start(t, rig.Spec{Name: "exim", Argv: append(o.Wrap, prog, "-C", conf, "-bdf"), Quiet: true})
	ready := rig.Eventually(10*time.Second, 50*time.Millisecond, func() bool {
		if len(o.Wrap) > 0 { // on another host's loopback, out of reach
			log, _ := os.ReadFile(filepath.Join(e.dir, "log", "main"))
			return strings.Contains(string(log), "daemon started")
		}
		c, err := net.DialTimeout("tcp", net.JoinHostPort(o.Addr, strconv.Itoa(o.Port)), time.Second)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	if !ready || !p.Running() {
		log, _ := os.ReadFile(filepath.Join(e.dir, "log", "main"))
		t.Fatalf("exim does not listen:\n%s\n%s", p.Log.Text(), log)
	}
	return e
}

func eximConfig(dir, cert, key string, o eximOptions) string {
	allowed := "accept"
	if o.User != "" {
		allowed = "accept authenticated = *\n  deny message = authentication required"
	}
	return fmt.Sprintf(`primary_hostname = mail.test
daemon_smtp_ports = %d
local_interfaces = %s
tls_advertise_hosts = *
tls_certificate = %s
tls_privatekey = %s
auth_advertise_hosts = ${if eq{$tls_in_cipher}{}{}{*}}
acl_smtp_rcpt = rcpt
acl_smtp_data = accept
spool_directory = %[5]s/spool
log_file_path = %[5]s/log/%%s
pid_file_path =
exim_user = Debian-exim
exim_group = Debian-exim
never_users =
host_lookup =
rfc1413_query_timeout = 0s
queue_run_in_order
begin acl
rcpt:
  %[6]s
begin routers
all:
  driver = accept
  transport = box
begin transports
box:
  driver = appendfile
  directory = %[5]s/box
  maildir_format
  user = Debian-exim
  create_directory
  envelope_to_add
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if and{{eq{$auth2}{%[7]s}}{eq{$auth3}{%[8]s}}}}
  server_set_id = $auth2
`, o.Port, o.Addr, cert, key, dir, allowed, o.User, o.Password)
}

// letter is a mail that arrived.
type letter struct {
	From, To, Subject, ID string
	// Text is all of its parts, decoded.
	Text string
}

// letters are the mails that arrived so far.
func (e *exim) letters() []letter {
	e.t.Helper()
	files, err := filepath.Glob(filepath.Join(e.dir, "box", "new", "*"))
	if err != nil {
		e.t.Fatal(err)
	}
	var out []letter
	for _, f := range files {
		l, err := readLetter(f)
		if err != nil {
			e.t.Errorf("read mail %s: %v", f, err)
			continue
		}
		out = append(out, l)
	}
	return out
}

func readLetter(path string) (letter, error) {
	f, err := os.Open(path)
	if err != nil {
		return letter{}, err
	}
	defer f.Close()
	m, err := mail.ReadMessage(f)
	if err != nil {
		return letter{}, err
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		return letter{}, err
	}
	text, err := bodyText(m.Body, m.Header.Get("Content-Type"), m.Header.Get("Content-Transfer-Encoding"))
	return letter{
		From: m.Header.Get("From"), To: m.Header.Get("To"), Subject: subject,
		ID: m.Header.Get("Message-Id"), Text: text,
	}, err
}

// bodyText decodes a body with all its parts.
func bodyText(r io.Reader, contentType, encoding string) (string, error) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err == nil && strings.HasPrefix(kind, "multipart/") {
		var all strings.Builder
		parts := multipart.NewReader(r, params["boundary"])
		for {
			p, err := parts.NextRawPart()
			if err == io.EOF {
				return all.String(), nil
			}
			if err != nil {
				return "", err
			}
			text, err := bodyText(p, p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"))
			if err != nil {
				return "", err
			}
			all.WriteString(text + "\n")
		}
	}
	if strings.EqualFold(encoding, "quoted-printable") {
		r = quotedprintable.NewReader(r)
	}
	data, err := io.ReadAll(r)
	return string(data), err
}
