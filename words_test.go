package cloister

import "testing"

func TestWordsArePrintableAndNotForEver(t *testing.T) {
	for in, want := range map[string]string{"": "", "a b": "a b", "a\x1b[31m\u202eb\n": "a[31mb", "\xffä": "ä", "äöüäöüäöü": "äöüäöü"} {
		if got := Words(in, 6); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}
