package config

import (
	"net/textproto"
	"reflect"

	"gopkg.in/yaml.v3"
)

// ours are the keys that we know for a type beyond Alertmanager's.
func ours(typ reflect.Type) []string {
	if base(typ) == mailType {
		return []string{"subject", "body"}
	}
	return nil
}

// lift turns the keys that Alertmanager does not know into ones that it does. It
// reports whether there were any, and which of them contradict keys that are
// there too.
func (d *document) lift() (bool, Problems) {
	lifted := false
	var problems Problems
	for _, r := range elements(lookup(d.root, "receivers")) {
		for _, mail := range elements(lookup(r, "email_configs")) {
			if mail.Kind != yaml.MappingNode {
				continue
			}
			did, ps := d.liftMail(mail)
			lifted = lifted || did
			problems = append(problems, ps...)
		}
	}
	return lifted, problems
}

// liftMail turns a mail's subject into a header and its body into the text. With
// a body and no html the mail has no HTML part: mail programs would show
// Alertmanager's default page in place of the body.
func (d *document) liftMail(mail *yaml.Node) (bool, Problems) {
	lifted := false
	var problems Problems
	if key, value := pair(mail, "subject"); key != nil {
		lifted = true
		mail.Content = without(mail, indexOf(mail, "subject")).Content
		if p := d.liftSubject(mail, key, value); p != nil {
			problems = append(problems, *p)
		}
	}
	if key, value := pair(mail, "body"); key != nil {
		lifted = true
		mail.Content = without(mail, indexOf(mail, "body")).Content
		if text := lookup(mail, "text"); text != nil {
			problems = append(problems, d.problem(key, "body and text are the same thing; keep one of the two"))
		} else {
			setValue(mail, d.standIn(key, "text"), value)
		}
		if lookup(mail, "html") == nil {
			setValue(mail, d.standIn(key, "html"), textNode(key, ""))
		}
	}
	return lifted, problems
}

func (d *document) liftSubject(mail, key, value *yaml.Node) *Problem {
	headers := lookup(mail, "headers")
	if headers == nil || isNull(headers) {
		headers = mappingNode(key)
		setValue(mail, d.standIn(key, "headers"), headers)
	}
	if headers.Kind != yaml.MappingNode {
		// That headers is no mapping is found by the check of its type.
		return nil
	}
	for i := 0; i+1 < len(headers.Content); i += 2 {
		if textproto.CanonicalMIMEHeaderKey(headers.Content[i].Value) == "Subject" {
			p := d.problem(key, "subject and headers.Subject are the same thing; keep one of the two")
			return &p
		}
	}
	setValue(headers, d.standIn(key, "Subject"), value)
	return nil
}

// standIn is a key that stands in the text as another one.
func (d *document) standIn(at *yaml.Node, key string) *yaml.Node {
	k := textNode(at, key)
	k.Style = 0
	d.explicit[k] = true
	return k
}
