package configs

// Destination is somebody whom an agent may put callers through to.
type Destination struct {
	// Name the model calls it by.
	Name string `yaml:"name" required:"give the destination a name, such as sales"`
	// To is a number or a SIP URI. The transfers of the caller's trunk must allow it; when it is asked first, the dials of
	// the trunk it is called over.
	To string `yaml:"to" required:"write a number such as +4930123456, or a SIP URI"`
	// Description tells the model when to use it. Default: none.
	Description string `yaml:"description"`
	// Attended calls them first, tells them what it is about and asks whether they take the caller, who stays with the
	// agent meanwhile. Otherwise the caller is sent there. Default false.
	Attended bool `yaml:"attended" default:"false"`
	// Trunk they are called over then. Default: the caller's own.
	Trunk string `yaml:"trunk"`
	// Ring is how long it may ring then, 5 s to 2 min. Default 25 s.
	Ring Duration `yaml:"ring" default:"25s" min:"5s" max:"2m"`
}
