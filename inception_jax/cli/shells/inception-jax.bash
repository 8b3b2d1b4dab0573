# Completion of inception-jax in bash, made by `inception-jax completion bash`.

_inception_jax_topic() {
  case $1 in
@TOPICS@
  esac
}

# Adds what of $1, a word of a topic, begins with $cur; the text before it on the line is $head.
_inception_jax_add() {
  local end=' '
  case $1 in *=|*.|*/) end= ;; esac
  [[ $1 == "$cur"* ]] && COMPREPLY+=("${1#"$head"}$end")
}

# Adds paths that begin with $2, each after $1; $3: @runs, @folders, @pages or @files.
_inception_jax_paths() {
  local start=$2 path quoted IFS=$'\n'
  if [[ $3 == @pages && -z $start && -d configs ]]; then start=configs/; fi
  for path in $(compgen -d -- "$start"); do
    [[ $path == *__pycache__ ]] && continue
    printf -v quoted %q "$path"
    [[ $path == '~'* ]] && quoted=$path
    if [[ $3 == @runs && -e ${path/#\~/$HOME}/config.json ]]; then
      _inception_jax_add "$1$quoted"
    else
      _inception_jax_add "$1$quoted/"
    fi
  done
  case $3 in
    @pages) set -- "$1" "$(compgen -f -X '!*.py' -- "$start")" ;;
    @files) set -- "$1" "$(compgen -f -- "$start")" ;;
    *) return ;;
  esac
  for path in $2; do
    [[ -d ${path/#\~/$HOME} ]] && continue
    printf -v quoted %q "$path"
    _inception_jax_add "$1$quoted"
  done
}

# Adds the words of a topic, each after $2; or the paths that it stands for, which begin with $3.
_inception_jax_words() {
  local word rest found=1
  while IFS=$'\t' read -r word rest; do
    found=0
    case $word in
      '') ;;
      @*) _inception_jax_paths "$2" "$3" "$word" ;;
      *) _inception_jax_add "$2$word" ;;
    esac
  done < <(_inception_jax_topic "$1")
  return $found
}

_inception_jax() {
  local line=${COMP_LINE:0:COMP_POINT} cur head= breaks= word command= action= key
  local -a words
  COMPREPLY=()
  cur=${line##*[[:space:]]}
  # readline replaces what comes after the last of these.
  [[ $COMP_WORDBREAKS == *=* ]] && breaks+='='
  [[ $COMP_WORDBREAKS == *:* ]] && breaks+=':'
  [[ -n $breaks ]] && head=${cur%"${cur##*["$breaks"]}"}
  read -ra words <<<"${line%"$cur"}"
  for word in "${words[@]:1}"; do
    case $word in
      --) command= action= ;;
      -*) ;;
      *) if [[ -z $command ]]; then command=$word; elif [[ -z $action ]]; then action=$word; fi ;;
    esac
  done
  if [[ -n $action && -z $(_inception_jax_topic "actions $command") ]]; then action=; fi
  local name="$command${action:+ $action}"
  case $cur in
    --config.*=*)
      key=${cur%%=*}; key=${key#--config.}
      _inception_jax_words "values $key" "--config.$key=" "${cur#*=}" ;;
    --config=*) _inception_jax_paths --config= "${cur#*=}" @pages ;;
    --*=*)
      key=${cur%%=*}
      _inception_jax_words "values $key" "$key=" "${cur#*=}" ||
        _inception_jax_paths "$key=" "${cur#*=}" @files ;;
    --config.*.*) key=${cur#--config.}; _inception_jax_words "keys ${key%%.*}" ;;
    --config.*) _inception_jax_words keys ;;
    -*) _inception_jax_words "flags $name" ;;
    *)
      if [[ -z $command ]]; then
        _inception_jax_words commands
      elif [[ -z $action ]] && _inception_jax_words "actions $command"; then
        :
      else
        _inception_jax_words "words $name" '' "$cur" || _inception_jax_paths '' "$cur" @files
      fi ;;
  esac
}

complete -o nospace -F _inception_jax inception-jax
