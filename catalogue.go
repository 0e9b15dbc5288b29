package cloister

// A Catalogued service is one that Cloister makes add-ons of itself, with its plans.
type Catalogued struct {
	Service AddonService
	Plans   []Plan
}

const gigabyte = 1 << 30

// Catalogue is what Cloister makes add-ons of itself. Memory and connections of the data services are those of Heroku's
// private plans; disks are smaller, as they are the operator's own, and prices are the operator's to set.
var Catalogue = []Catalogued{
	{AddonService{Name: "heroku-postgresql", HumanName: "Heroku Postgres", Kind: "postgres", Prefix: "HEROKU_POSTGRESQL", First: "DATABASE",
		Datastore: true, Many: true, Shared: true, Provider: Provider{Vars: []string{"HEROKU_POSTGRESQL_URL"}}}, plans(
		inside("private-0", "Private 0", Shape{Memory: 4 * gigabyte, CPU: 2000, Disk: 16 * gigabyte, Connections: 120, Standby: true}),
		inside("private-2", "Private 2", Shape{Memory: 8 * gigabyte, CPU: 2000, Disk: 64 * gigabyte, Connections: 400, Standby: true}),
		inside("private-3", "Private 3", Shape{Memory: 15 * gigabyte, CPU: 4000, Disk: 256 * gigabyte, Connections: 500, Standby: true}),
		inside("private-4", "Private 4", Shape{Memory: 30 * gigabyte, CPU: 4000, Disk: 512 * gigabyte, Connections: 500, Standby: true}),
		inside("private-5", "Private 5", Shape{Memory: 61 * gigabyte, CPU: 8000, Disk: 1024 * gigabyte, Connections: 500, Standby: true}),
	)},
	{AddonService{Name: "heroku-redis", HumanName: "Heroku Key-Value Store", Kind: "redis", Prefix: "REDIS", First: "REDIS",
		Datastore: true, Many: true, Shared: true, Provider: Provider{Vars: []string{"REDIS_URL"}}}, plans(
		inside("private-3", "Private 3", Shape{Memory: gigabyte / 2, CPU: 1000, Disk: 4 * gigabyte, Connections: 400, Standby: true}),
		inside("private-5", "Private 5", Shape{Memory: gigabyte, CPU: 1000, Disk: 8 * gigabyte, Connections: 1000, Standby: true}),
		inside("private-7", "Private 7", Shape{Memory: 7 * gigabyte, CPU: 2000, Disk: 32 * gigabyte, Connections: 7500, Standby: true}),
		inside("private-9", "Private 9", Shape{Memory: 10 * gigabyte, CPU: 2000, Disk: 64 * gigabyte, Connections: 25000, Standby: true}),
	)},
	{AddonService{Name: "heroku-kafka", HumanName: "Apache Kafka on Heroku", Kind: "kafka", Prefix: "KAFKA", First: "KAFKA",
		Datastore: true, Many: true, Shared: true, Provider: Provider{Vars: []string{"KAFKA_CLIENT_CERT", "KAFKA_CLIENT_CERT_KEY", "KAFKA_TRUSTED_CERT", "KAFKA_URL"}}}, plans(
		inside("private-standard-0", "Private Standard 0", Shape{Memory: 2 * gigabyte, CPU: 2000, Disk: 16 * gigabyte, Standby: true}),
		inside("private-standard-1", "Private Standard 1", Shape{Memory: 4 * gigabyte, CPU: 2000, Disk: 64 * gigabyte, Standby: true}),
		inside("private-standard-2", "Private Standard 2", Shape{Memory: 8 * gigabyte, CPU: 4000, Disk: 256 * gigabyte, Standby: true}),
	)},
	{AddonService{Name: "scheduler", HumanName: "Heroku Scheduler", Kind: "scheduler", Prefix: "SCHEDULER", First: "SCHEDULER"}, plans(
		Plan{Name: "standard", HumanName: "Standard", Description: "Runs commands of an app by the clock", Default: true, Inside: true, Outside: true},
	)},
}

// plans are those of a service. The first one is what somebody gets who names none.
func plans(all ...Plan) []Plan {
	all[0].Default = true
	return all
}

// inside is a plan whose add-ons are made inside a space.
func inside(name, human string, shape Shape) Plan {
	return Plan{Name: name, HumanName: human, Description: "Inside a private space, and reached from there alone", Inside: true, Shape: shape}
}
