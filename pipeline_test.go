package cloister

import "testing"

func TestPipelineNames(t *testing.T) {
	for name, ok := range map[string]bool{"abc": true, "shop": true, "a1-b2": true, "ab": false, "1ab": false, "-ab": false, "Shop": false,
		"shop-": false, "sh op": false, "shöp": false, "a23456789012345678901234567890": true, "a234567890123456789012345678901": false, "": false} {
		if err := ValidPipelineName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestStages(t *testing.T) {
	for name, config := range map[string]bool{"test": true, "review": true, "development": false, "staging": false, "production": false} {
		s, err := ParseStage(name)
		if err != nil || s.HasConfig() != config {
			t.Errorf("%s: %v, %v", name, s.HasConfig(), err)
		}
		if _, err := ParseConfigStage(name); (err == nil) != config {
			t.Errorf("config of %s: %v", name, err)
		}
	}
	for _, name := range []string{"", "Production", "prod"} {
		if _, err := ParseStage(name); KindOf(err) != Invalid {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestAPromotionIsDoneWhenAllItsTargetsAre(t *testing.T) {
	of := func(all ...ReleaseStatus) (out []PromotionTarget) {
		for _, s := range all {
			out = append(out, PromotionTarget{Status: s})
		}
		return out
	}
	for _, x := range []struct {
		all  []PromotionTarget
		done bool
	}{{nil, true}, {of(ReleasePending), false}, {of(ReleaseSucceeded, ReleasePending), false}, {of(ReleaseSucceeded, ReleaseFailed), true}} {
		if Done(x.all) != x.done {
			t.Errorf("%v", x.all)
		}
	}
}
