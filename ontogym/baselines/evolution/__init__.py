"""Ask/tell strategies and the resumable run that drives them."""
