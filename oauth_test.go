package cloister

import "testing"

func TestWherePeopleMayBeSentBackTo(t *testing.T) {
	for uri, ok := range map[string]bool{"https://app.example/callback": true, "https://app.example:8443/a?b=c": true, "http://localhost:3000/cb": true, "http://127.0.0.1/cb": true,
		"http://[::1]:9/": true, "http://app.example/": false, "https://user:pw@app.example/": false, "https://app.example/#x": false, "javascript:alert(1)": false, "": false, "/callback": false,
		"https:///x": false, "data:text/html,x": false, "http://localhost.evil.example/": false} {
		if err := ValidRedirectURI(uri); (err == nil) != ok {
			t.Errorf("%q: %v", uri, err)
		}
	}
}

func TestNamesOfClients(t *testing.T) {
	for name, ok := range map[string]bool{"Amazing": true, "a b": true, "": false, " a": false, "a\u202eb": false, "a\n": false} {
		if err := ValidClientName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}
