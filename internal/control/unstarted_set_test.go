package control

import "testing"

func TestUnstartedKeepsNothingOfWhatIsGone(t *testing.T) {
	var u unstarted
	for i, first := range []bool{u.first("web.1", "alpha"), u.first("web.1", "alpha"), u.first("web.2", "alpha"), u.first("web.3", "beta")} {
		if first != (i != 1) {
			t.Errorf("dyno %d is entered: %v", i, first)
		}
	}
	u.forgetApp("alpha")
	if len(u.apps) != 1 || u.first("web.3", "beta") {
		t.Errorf("when alpha is gone, there is %v", u.apps)
	}
	u.forget("web.3")
	if len(u.apps) != 0 {
		t.Errorf("when all are gone, there is %v", u.apps)
	}
}
