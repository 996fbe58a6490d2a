"""How raw files are read: compression, header, lines, values, the verdict on a row, and the split by month.

One reading for all who read: an upload, the split of a whole export, and a load into either warehouse. This
package imports the catalogue and the errors, and talks to nothing.
"""
