"""The guestbook itself: what people write, and the page that shows it."""
