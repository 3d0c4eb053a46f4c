"""A small Django site: one public page that reads five rows through the ORM and renders them in a template."""
