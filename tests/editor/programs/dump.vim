" The groups that Vim and Neovim give to texts. $PROBE_RUNTIME: the exported folder; $PROBE_TEXTS: a folder of .flow
" files; $PROBE_OUT: a file, JSON, name -> [piece, [group]] in order.
set nocompatible encoding=utf-8 nomodeline noswapfile maxmempattern=100000 synmaxcol=0 redrawtime=100000
execute 'set runtimepath^=' . fnameescape($PROBE_RUNTIME)
filetype plugin on
syntax on

function! Pieces()
  let found = []
  for number in range(1, line('$'))
    if number > 1
      call add(found, ["\n", []])
    endif
    let column = 1
    for char in split(getline(number), '\zs')
      let group = synIDattr(synID(number, column, 1), 'name')
      if len(found) && found[-1][1] == [group]
        let found[-1][0] .= char
      else
        call add(found, [char, [group]])
      endif
      let column += strlen(char)
    endfor
  endfor
  return found
endfunction

let answer = {}
for file in glob($PROBE_TEXTS . '/*.flow', 0, 1)
  execute 'edit ' . fnameescape(file)
  if &filetype !=# 'leadflow'
    cquit
  endif
  let answer[fnamemodify(file, ':t:r')] = Pieces()
endfor
call writefile([json_encode(answer)], $PROBE_OUT)
quitall!
