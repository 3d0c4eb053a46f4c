"""A small Django site: one public page that reads three rows through the ORM and renders them in a template."""
