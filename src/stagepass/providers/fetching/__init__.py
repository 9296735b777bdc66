"""What comes from outside: addresses that strangers give are fetched safely, and pictures are looked into."""
