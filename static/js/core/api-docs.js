// The API reference, drawn by Swagger UI from the service's own description.
window.SwaggerUIBundle({ url: "/openapi.json", dom_id: "#api", deepLinking: true, defaultModelsExpandDepth: -1 });
