package kafka

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/addon"
)

// Apply lets those certificates do all but change the cluster that are made of a good password, and takes that from others.
func (Kind) Apply(ctx context.Context, s addon.Spec, x addon.Exec) error {
	c, err := Open(s, x)
	if err != nil {
		return err
	}
	defer c.Close()
	replicas := strconv.Itoa(len(slots) - 1)
	if _, err := c.admin.AlterBrokerConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "min.insync.replicas", Value: &replicas}}); err != nil {
		return c.explain(err)
	}
	good := clients(s)
	for _, rule := range rules(good) {
		made, err := c.admin.CreateACLs(ctx, rule)
		if err != nil {
			return c.explain(err)
		}
		for _, m := range made {
			if m.Err != nil {
				return c.explain(m.Err)
			}
		}
	}
	return c.forget(ctx, good)
}

// clients are who may come, as Kafka has them.
func clients(s addon.Spec) (out []string) {
	c, ok := credential(s)
	if !ok {
		return nil
	}
	out = append(out, "User:"+clientName(c.Password))
	if c.Old != "" {
		out = append(out, "User:"+clientName(c.Old))
	}
	return out
}

// rules are what an app may do: everything with topics, groups and transactions, but for Kafka's own topics; and with the
// cluster what clients need. Whoever has one of these rules already does not have it twice.
func rules(who []string) []*kadm.ACLBuilder {
	return []*kadm.ACLBuilder{
		kadm.NewACLs().Allow(who...).AllowHosts("*").Topics("*").Groups("*").TransactionalIDs("*").Operations(kadm.OpAll).ResourcePatternType(kadm.ACLPatternLiteral),
		kadm.NewACLs().Allow(who...).AllowHosts("*").Clusters().Operations(kadm.OpDescribe, kadm.OpDescribeConfigs, kadm.OpIdempotentWrite).ResourcePatternType(kadm.ACLPatternLiteral),
		kadm.NewACLs().Deny(who...).DenyHosts("*").Topics("__").Operations(kadm.OpWrite, kadm.OpDelete, kadm.OpAlter, kadm.OpAlterConfigs).ResourcePatternType(kadm.ACLPatternPrefixed),
	}
}

// forget takes the rules of all other clients away.
func (c *Cluster) forget(ctx context.Context, good []string) error {
	all := kadm.NewACLs().AnyResource().Allow().AllowHosts().Deny().DenyHosts().Operations().ResourcePatternType(kadm.ACLPatternAny)
	found, err := c.admin.DescribeACLs(ctx, all)
	if err != nil {
		return c.explain(err)
	}
	gone := map[string]bool{}
	for _, f := range found {
		for _, acl := range f.Described {
			if slices.Contains(good, acl.Principal) || gone[acl.Principal] || !strings.HasPrefix(acl.Principal, "User:"+clientPrefix) {
				continue
			}
			gone[acl.Principal] = true
			its := kadm.NewACLs().AnyResource().Allow(acl.Principal).AllowHosts().Deny(acl.Principal).DenyHosts().Operations().ResourcePatternType(kadm.ACLPatternAny)
			if _, err := c.admin.DeleteACLs(ctx, its); err != nil {
				return c.explain(err)
			}
		}
	}
	return nil
}

// Fail kills a broker as nothing can prepare for, so that people see how their app takes it.
func Fail(ctx context.Context, s addon.Spec, x addon.Exec) error {
	up := running(s)
	if len(up) < len(slots) {
		return cloister.Errorf(cloister.Conflict, "%d of %d brokers of %s are running. Wait until all are before one fails.", len(up), len(slots), s.Addon.Name)
	}
	slot := up[len(up)-1]
	if _, err := x.Output(ctx, slot, "", "/bin/bash", "-c", "kill -KILL $(</data/pid)"); err != nil && !strings.Contains(err.Error(), "status 137") { // it may go with its broker
		return err
	}
	return nil
}

// Upgrade is Cluster.Upgrade.
func Upgrade(ctx context.Context, s addon.Spec, x addon.Exec) error {
	c, err := Open(s, x)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Upgrade(ctx)
	return err
}

// Upgrade lets the cluster use what all of its brokers can do by now, and returns the names of those features. There is no
// way back: brokers of an earlier version cannot come in any more.
func (c *Cluster) Upgrade(ctx context.Context) (features []string, err error) {
	versions, err := c.admin.ApiVersions(ctx)
	if err != nil {
		return nil, c.explain(err)
	}
	var said []*kmsg.ApiVersionsResponse
	for _, v := range versions.Sorted() {
		if v.Err != nil {
			return nil, c.explain(v.Err)
		}
		said = append(said, v.Raw())
	}
	updates := newer(said)
	if len(updates) == 0 {
		return nil, nil
	}
	done, err := c.admin.UpdateFeatures(ctx, false, updates...)
	if err != nil {
		return nil, c.explain(err)
	}
	for _, u := range updates {
		if err := done[u.Feature].Err; err != nil {
			return nil, c.explain(err)
		}
		features = append(features, u.Feature)
	}
	return features, nil
}

// newer are the features of which all brokers can do more than is in use. How controllers find each other is not one to
// change by the way.
func newer(said []*kmsg.ApiVersionsResponse) (out []kadm.FeatureUpdate) {
	if len(said) == 0 {
		return nil
	}
	used := map[string]int16{}
	for _, f := range said[0].FinalizedFeatures {
		used[f.Name] = f.MaxVersionLevel
	}
	for _, f := range said[0].SupportedFeatures {
		level := f.MaxVersion
		for _, other := range said[1:] {
			its := int16(0)
			for _, o := range other.SupportedFeatures {
				if o.Name == f.Name {
					its = o.MaxVersion
				}
			}
			level = min(level, its)
		}
		if level > used[f.Name] && f.Name != "kraft.version" {
			out = append(out, kadm.FeatureUpdate{Feature: f.Name, MaxVersionLevel: level, UpgradeType: 1})
		}
	}
	return out
}
