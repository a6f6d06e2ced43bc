"""What admins do on their pages, for programs: the same services, the same rules, the same log."""
