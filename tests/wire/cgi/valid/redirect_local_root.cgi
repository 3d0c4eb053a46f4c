location:/

