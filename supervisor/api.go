package supervisor

import "net/http"

// apiRoutes enters what programs use.
func (s *Server) apiRoutes(mux *http.ServeMux) {}
