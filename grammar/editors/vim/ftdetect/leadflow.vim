autocmd BufRead,BufNewFile *.flow set filetype=leadflow
