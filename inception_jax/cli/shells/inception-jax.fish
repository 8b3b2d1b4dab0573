# Completion of inception-jax in fish, made by `inception-jax completion fish`.

function __inception_jax_topic
  switch $argv[1]
@TOPICS@
  end
end

# Prints paths that begin with $argv[2], each after $argv[1]; of the kind $argv[3].
function __inception_jax_paths
  set -l start $argv[2]
  if test "$argv[3]" = @pages; and test -z "$start"; and test -d configs
    set start configs/
  end
  set -l from (string replace -r '^~' $HOME -- $start)
  set -l found $from*/
  switch $argv[3]
    case @pages
      set -a found $from*.py
    case @files
      set -a found $from*
  end
  for path in (string match -v '*__pycache__/' -- $found)
    set -l shown (string replace -- $from $start $path)
    if test "$argv[3]" = @runs; and test -e $path/config.json
      set shown (string trim -r -c / -- $shown)
    else if test "$argv[3]" = @files; and test -d $path; and not string match -q '*/' $path
      continue
    end
    printf '%s\n' $argv[1]$shown
  end
end

# Prints the words of a topic, each after $argv[2]; or the paths that it stands for.
function __inception_jax_words
  set -l words (__inception_jax_topic $argv[1])
  test (count $words) -gt 0; or return 1
  for word in $words
    if string match -q '@*' -- $word
      __inception_jax_paths "$argv[2]" "$argv[3]" $word
    else
      printf '%s\n' "$argv[2]$word"
    end
  end
end

function __inception_jax
  set -l cur (commandline -ct)
  set -l command
  set -l action
  for word in (commandline -opc)[2..]
    switch $word
      case --
        set command
        set action
      case '-*'
      case '*'
        if test -z "$command"
          set command $word
        else if test -z "$action"
          set action $word
        end
    end
  end
  if test -n "$action"; and test -z "$(__inception_jax_topic "actions $command")"
    set action
  end
  set -l name (string join ' ' $command $action)
  set -l parts (string split -m 1 = -- "$cur")
  set -l key (string replace -r '^--config\.' '' -- $parts[1])
  switch "$cur"
    case '--config=*'
      __inception_jax_paths --config= "$parts[2]" @pages
    case '--*=*'
      __inception_jax_words "values $key" "$parts[1]=" "$parts[2]"
      or __inception_jax_paths "$parts[1]=" "$parts[2]" @files
    case '--config.*.*'
      __inception_jax_words "keys "(string split . -- $key)[1]
    case '--config.*'
      __inception_jax_words keys
    case '-*'
      __inception_jax_words "flags $name"
    case '*'
      if test -z "$command"
        __inception_jax_words commands
      else if test -z "$action"; and __inception_jax_words "actions $command"
      else
        __inception_jax_words "words $name" '' "$cur"
        or __inception_jax_paths '' "$cur" @files
      end
  end
end

complete -c inception-jax -f -a '(__inception_jax)'
