Status: 204 No Content

