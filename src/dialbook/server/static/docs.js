// The API page: Swagger UI over /openapi.json. Everything it needs is served from this host.

/* global SwaggerUIBundle */

// Send the key and token given to Authorize and nothing else. Left alone, the browser answers a refused call
// with its own password window, and sends what is typed there, or a session cookie, with every later call.
function withoutAmbientCredentials(request) {
  if (!request.loadSpec) {
    request.credentials = "omit";
  }
  return request;
}

SwaggerUIBundle({
  dom_id: "#docs",
  // Absolute, because fetch refuses a relative address on a page that was opened as https://key:token@host/docs.
  url: `${location.origin}/openapi.json`,
  layout: "BaseLayout", // the layout without a top bar
  validatorUrl: null, // no badge, which would come from another host
  deepLinking: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0, // the schemas come last, folded
  requestInterceptor: withoutAmbientCredentials,
});
