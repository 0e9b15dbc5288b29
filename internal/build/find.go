package build

import "github.com/cloister-dev/cloister"

// FindStack is a stack whose images the store has already; ok is false when it does not.
func FindStack(store *Store, name string) (stack cloister.Stack, ok bool, err error) {
	index, err := store.index()
	if err != nil {
		return stack, false, err
	}
	stack.Name = name
	for _, d := range index.Manifests {
		switch d.Annotations[AnnotationName] { // the newest comes last
		case name + " run":
			stack.RunImage = d.Digest.String()
		case name + " build":
			stack.BuildImage = d.Digest.String()
		}
	}
	return stack, stack.RunImage != "" && stack.BuildImage != "", nil
}
