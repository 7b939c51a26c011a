" leadflow for Vim and Neovim. Written by `leadflow grammar export`. Do not edit.
setlocal commentstring=#\ %s comments=b:##,b:# expandtab shiftwidth=2 suffixesadd=.flow
let b:undo_ftplugin = "setlocal commentstring< comments< expandtab< shiftwidth< suffixesadd<"
