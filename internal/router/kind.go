package router

import "bytes"

// A kind says which header a field is, of those that the router itself reads or writes.
type kind uint8

const (
	otherField kind = iota
	hopField        // for this hop only: never passed on
	connectionField
	hostField
	lengthField
	encodingField
	upgradeField
	expectField
	teField
	trailerField
	forwardedForField
	forwardedProtoField
	forwardedPortField
	ownField // X-Request-Start, Client-Cert: only the router may say that
	requestIDField
)

// kindOf is on the way of every header, so it looks at the length before anything else.
func kindOf(name []byte) kind {
	switch len(name) {
	case 2:
		return either(name, "te", teField)
	case 4:
		return either(name, "host", hostField)
	case 6:
		return either(name, "expect", expectField)
	case 7:
		if sameFold(name, "trailer") {
			return trailerField
		}
		return either(name, "upgrade", upgradeField)
	case 10:
		if sameFold(name, "keep-alive") {
			return hopField
		}
		return either(name, "connection", connectionField)
	case 11:
		return either(name, "client-cert", ownField)
	case 12:
		return either(name, "x-request-id", requestIDField)
	case 14:
		return either(name, "content-length", lengthField)
	case 15:
		if sameFold(name, "x-request-start") {
			return ownField
		}
		return either(name, "x-forwarded-for", forwardedForField)
	case 16:
		if sameFold(name, "x-forwarded-port") {
			return forwardedPortField
		}
		return either(name, "proxy-connection", hopField)
	case 17:
		if sameFold(name, "x-forwarded-proto") {
			return forwardedProtoField
		}
		if sameFold(name, "client-cert-chain") {
			return ownField
		}
		return either(name, "transfer-encoding", encodingField)
	case 18:
		return either(name, "proxy-authenticate", hopField)
	case 19:
		return either(name, "proxy-authorization", hopField)
	}
	return otherField
}

func either(name []byte, want string, k kind) kind {
	if sameFold(name, want) {
		return k
	}
	return otherField
}

// forgedKind is for a name with underscores. Most frameworks can not tell X_Forwarded_For from X-Forwarded-For, so
// that such a twin of a header that the router vouches for, or frames messages by, is dropped.
func forgedKind(name []byte) kind {
	switch kindOf(bytes.ReplaceAll(name, []byte{'_'}, []byte{'-'})) {
	case otherField:
		return otherField
	default:
		return hopField
	}
}
