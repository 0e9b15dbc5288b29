package kafka

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/addon"
)

// spec is an add-on as control has it when it is made.
func spec(t *testing.T) addon.Spec {
	t.Helper()
	s := addon.Spec{Addon: cloister.Addon{ID: "0b11a9a1-6b7b-4b8a-9c0f-2f6d6c0f3a55", Name: "kafka-flat-1", State: cloister.Provisioned}, Zones: 3,
		Plan:        cloister.Plan{Name: "private-standard-0", HumanName: "Private Standard 0", Shape: cloister.Shape{Memory: 1 << 30, Disk: 10 << 30, CPU: 1000, Connections: 100}},
		Credentials: []cloister.Credential{{Name: cloister.DefaultCredential, Password: "secret"}}}
	secrets, err := Kind{}.Begin(s, time.Unix(1e9, 0))
	if err != nil {
		t.Fatal(err)
	}
	s.Addon.Secrets = secrets
	return s
}

func TestRunIsPure(t *testing.T) {
	t.Parallel()
	s := spec(t)
	for _, i := range (Kind{}).Instances(s) {
		run := Kind{}.Run(s, i.Slot)
		if !reflect.DeepEqual(run, Kind{}.Run(s, i.Slot)) {
			t.Errorf("slot %s: not the same twice", i.Slot)
		}
		config := run.Env["CONFIG"]
		for _, line := range []string{"node.id=" + i.Slot, "ssl.client.auth=required", "min.insync.replicas=2", "auto.create.topics.enable=false",
			"controller.quorum.voters=0@0.kafka-flat-1.data.localspace:9093,1@1.kafka-flat-1.data.localspace:9093,2@2.kafka-flat-1.data.localspace:9093",
			"listener.name.client.max.connections=108"} {
			if !slices.Contains(strings.Split(config, "\n"), line) {
				t.Errorf("slot %s has no line %q:\n%s", i.Slot, line, config)
			}
		}
		if strings.Contains(config, "PLAINTEXT") || run.Env["CLUSTER"] != "CxGpoWt7S4qcDy9tbA86VQ" {
			t.Errorf("slot %s runs in cluster %s with\n%s", i.Slot, run.Env["CLUSTER"], config)
		}
	}
}

func TestCheckRefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	good := spec(t).Plan
	small, full := good, good
	small.Shape.Memory, full.Shape.Disk = 256<<20, 1<<20
	for _, test := range []struct {
		plan    cloister.Plan
		options map[string]string
		says    string
	}{
		{good, nil, ""},
		{good, map[string]string{"version": "4"}, ""},
		{good, map[string]string{"version": "2"}, "not to be had"},
		{good, map[string]string{"zookeeper": "yes"}, "no option"},
		{small, nil, "too little"},
		{full, nil, "too little"},
	} {
		err := Kind{}.Check(test.plan, test.options)
		if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%+v %v: %v", test.plan.Shape, test.options, err)
		}
	}
}

func TestConfigHasWhatClientsNeed(t *testing.T) {
	t.Parallel()
	s := spec(t)
	got := Kind{}.Config(s)[""]
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, []string{"KAFKA_CLIENT_CERT", "KAFKA_CLIENT_CERT_KEY", "KAFKA_TRUSTED_CERT", "KAFKA_URL"}) {
		t.Errorf("there are %v", names)
	}
	if url := got["KAFKA_URL"].Reveal(); !strings.HasPrefix(url, "kafka+ssl://0.kafka-flat-1.data.localspace:9096,kafka+ssl://1.") {
		t.Error(url)
	}
	if again := (Kind{}).Config(s)[""]; !reflect.DeepEqual(got, again) {
		t.Error("it is not the same twice")
	}
	s.Credentials[0].Old, s.Credentials[0].Password = "secret", "another"
	if rotated := (Kind{}).Config(s)[""]; rotated["KAFKA_CLIENT_CERT"] == got["KAFKA_CLIENT_CERT"] || rotated["KAFKA_TRUSTED_CERT"] != got["KAFKA_TRUSTED_CERT"] {
		t.Error("another password makes the same certificate, or another authority")
	}
	if both := clients(s); len(both) != 2 || both[1] != "User:client-2bb80d537b1da3e3" {
		t.Errorf("while it is rotated %v may come", both)
	}
}

func TestTopicsThatCannotBe(t *testing.T) {
	t.Parallel()
	good := Topic{Name: "orders.v1", Partitions: 8, ReplicationFactor: 3, Retention: time.Hour}
	for says, spoil := range map[string]func(*Topic){
		"":                 func(*Topic) {},
		"two underscores":  func(t *Topic) { t.Name = "__consumer_offsets" },
		"cannot name":      func(t *Topic) { t.Name = "a topic" },
		"partitions":       func(t *Topic) { t.Partitions = 0 },
		"1 to 256":         func(t *Topic) { t.Partitions = 257 },
		"replication":      func(t *Topic) { t.ReplicationFactor = 4 },
		"minute at least.": func(t *Topic) { t.Retention = time.Second },
	} {
		topic := good
		spoil(&topic)
		if err := topic.check(); (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%+v: %v", topic, err)
		}
	}
}

func TestTopicsAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	for policy, topic := range map[string]Topic{
		"delete":         {Retention: time.Hour, ReplicationFactor: 3},
		"compact":        {Retention: -1, Compaction: true, ReplicationFactor: 2},
		"compact,delete": {Retention: time.Hour, Compaction: true, ReplicationFactor: 1},
	} {
		var configs []kadm.Config
		written := topic.configs()
		for k, v := range written {
			configs = append(configs, kadm.Config{Key: k, Value: &v})
		}
		got := Topic{ReplicationFactor: topic.ReplicationFactor}
		got.read(configs)
		if got != topic || written["cleanup.policy"] != policy {
			t.Errorf("%+v is written as %v and read as %+v", topic, written, got)
		}
	}
}

func TestReplicasStayWhereTheyAre(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		partition, leader int32
		replicas          []int32
		n                 int
		want              []int32
	}{
		{0, 1, []int32{0, 1, 2}, 1, []int32{1}},
		{0, 1, []int32{0, 1, 2}, 2, []int32{1, 0}},
		{0, 2, []int32{2}, 2, []int32{2, 0}},
		{1, 2, []int32{2}, 2, []int32{2, 1}},
		{5, 2, []int32{2}, 3, []int32{2, 0, 1}},
		{0, -1, []int32{2, 1}, 1, []int32{2}},
	} {
		got := assign(kadm.PartitionDetail{Partition: test.partition, Leader: test.leader, Replicas: test.replicas}, []int32{0, 1, 2}, test.n)
		if !slices.Equal(got, test.want) {
			t.Errorf("%+v: %v", test, got)
		}
	}
}

func TestUpgradeIsToWhatAllCanDo(t *testing.T) {
	t.Parallel()
	broker := func(metadata, transactions int16) *kmsg.ApiVersionsResponse {
		return &kmsg.ApiVersionsResponse{
			SupportedFeatures: []kmsg.ApiVersionsResponseSupportedFeature{{Name: "metadata.version", MaxVersion: metadata}, {Name: "transaction.version", MaxVersion: transactions}, {Name: "kraft.version", MaxVersion: 1}},
			FinalizedFeatures: []kmsg.ApiVersionsResponseFinalizedFeature{{Name: "metadata.version", MaxVersionLevel: 29}, {Name: "transaction.version", MaxVersionLevel: 2}},
		}
	}
	got := newer([]*kmsg.ApiVersionsResponse{broker(31, 3), broker(30, 2), broker(31, 3)})
	if diff := cmp.Diff([]kadm.FeatureUpdate{{Feature: "metadata.version", MaxVersionLevel: 30, UpgradeType: 1}}, got); diff != "" {
		t.Error(diff)
	}
	if got := newer([]*kmsg.ApiVersionsResponse{broker(29, 2)}); got != nil {
		t.Errorf("nothing is newer, but %v", got)
	}
}

func TestInfoIsTruthful(t *testing.T) {
	t.Parallel()
	topics := []Topic{{Name: "a", Partitions: 8, ReplicationFactor: 3, Bytes: 3 << 20, Lacking: 2}}
	for status, up := range map[string][]int32{"unavailable": nil, "available": {0, 1, 2}, "degraded: 2 of 3 brokers are up": {0, 2}} {
		got := map[string]string{}
		for _, f := range info(spec(t), up, topics) {
			got[f.Name] = strings.Join(f.Values, ", ")
		}
		if got["Status"] != status || up != nil && (got["Partitions"] != "24 partition replicas, and 2 partitions lack some" || got["Data Size"] != "3.00 MB / 30.00 GB (0.01%)") {
			t.Errorf("with %v it says %v", up, got)
		}
	}
}

func TestNothingRunsNothingIsAsked(t *testing.T) {
	t.Parallel()
	if _, err := Open(spec(t), nil); cloister.KindOf(err) != cloister.Unavailable {
		t.Errorf("without brokers: %v", err)
	}
	if err := Fail(t.Context(), spec(t), nil); cloister.KindOf(err) != cloister.Conflict {
		t.Errorf("without brokers one fails: %v", err)
	}
}
