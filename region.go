package cloister

// A Region is a place where spaces can be made. On one's own machines a region is a label with the names the
// clients know; an operator may add regions of their own.
type Region struct {
	ID             string // fixed, derived from the name, so that clients can cache it
	Name           string
	Description    string // "Tokyo, Japan": what `spaces:info` prints
	Country        string
	Locale         string
	Provider       string
	ProviderRegion string
}

// Regions are the ten regions of the contract, in its order, with the provider regions of the add-on API.
var Regions = []Region{
	region("dublin", "Dublin, Ireland", "Ireland", "eu-west-1"),
	region("frankfurt", "Frankfurt, Germany", "Germany", "eu-central-1"),
	region("london", "London, United Kingdom", "United Kingdom", "eu-west-2"),
	region("montreal", "Montreal, Canada", "Canada", "ca-central-1"),
	region("mumbai", "Mumbai, India", "India", "ap-south-1"),
	region("oregon", "Oregon, United States", "United States", "us-west-2"),
	region("singapore", "Singapore", "Singapore", "ap-southeast-1"),
	region("sydney", "Sydney, Australia", "Australia", "ap-southeast-2"),
	region("tokyo", "Tokyo, Japan", "Japan", "ap-northeast-1"),
	region("virginia", "Virginia, United States", "United States", "us-east-1"),
}

// DefaultRegion is where a space goes when its maker does not say: the region of the contract's first example.
const DefaultRegion = "virginia"

func region(name, description, country, provider string) Region {
	locale := description
	for i, r := range description {
		if r == ',' {
			locale = description[:i]
			break
		}
	}
	return Region{ID: NameID("region", name), Name: name, Description: description, Country: country, Locale: locale,
		Provider: "amazon-web-services", ProviderRegion: provider}
}
