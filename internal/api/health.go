package api

import (
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// healthz answers that the process lives and its database answers.
func (s *Server) healthz(w http.ResponseWriter, r *http.Request) {
	if err := s.cfg.Store.Ping(r.Context()); err != nil {
		s.log.Error("database does not answer", "err", err)
		http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
		return
	}
	w.Write([]byte("ok\n"))
}

// readyz answers whether all of the server serves: every listener, telephones
// and HTTPS.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	if s.cfg.Ready == nil || !s.cfg.Ready() {
		http.Error(w, "not ready", http.StatusServiceUnavailable)
		return
	}
	s.healthz(w, r)
}

// describe adds the operations to mux, and /openapi.json, which describes them.
func describe(mux *http.ServeMux, version string, operations func(huma.API)) {
	cfg := huma.DefaultConfig("Timbre", version)
	// Our own route below: huma builds its documents on first use, unguarded.
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath = "", "", ""
	cfg.CreateHooks = nil // no $schema links into answers
	cfg.Transformers = []huma.Transformer{redact}
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}}
	a := humago.New(mux, cfg)
	operations(a)
	document, err := json.Marshal(a.OpenAPI())
	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, r *http.Request) {
		if err != nil {
			http.Error(w, "no description", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/openapi+json")
		w.Write(document)
	})
}
