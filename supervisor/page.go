package supervisor

import "net/http"

// pageRoutes enters what people look at.
func (s *Server) pageRoutes(mux *http.ServeMux) error { return nil }
