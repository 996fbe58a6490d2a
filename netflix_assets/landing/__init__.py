"""What is in S3: listing, versions, source assets, uploads, and the local S3 server."""
