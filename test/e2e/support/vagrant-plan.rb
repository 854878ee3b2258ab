# Prints, as JSON, what the Vagrantfile of this directory makes of each machine: vagrant itself reads it.
require 'vagrant'
require 'json'

environment = Vagrant::Environment.new(cwd: Dir.pwd)
plan = environment.machine_names.map do |name|
  vm = environment.vagrantfile.machine_config(name, nil, nil)[:config].vm
  addresses = vm.networks.filter_map { |kind, options| options[:ip] if kind == :private_network }
  steps = vm.provisioners.map { |step| { name: step.name, inline: step.config.inline, env: step.config.env } }
  { name: name, hostname: vm.hostname, box: vm.box, addresses: addresses, steps: steps }
end
puts JSON.generate(plan)
