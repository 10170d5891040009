<?php
// A stub of Joomla: the classes that the module uses, as small as they can be; then what the module prints.
// php joomla_stub.php '{"params": {…}, "language": "ru-RU"}'

namespace Joomla\Registry {
	class Registry {
		private $values;
		public function __construct( array $values ) { $this->values = $values; }
		public function get( $name, $default = null ) { return $this->values[ $name ] ?? $default; }
		public function toArray() { return $this->values; }
	}
}

namespace Joomla\CMS\Document {
	class HtmlDocument {
		public $told = array( 'links' => array(), 'assets' => array() );
		public function addHeadLink( $href, $relation ) { $this->told['links'][] = array( $relation, $href ); return $this; }
		public function getWebAssetManager() { return $this; }
		public function registerAndUseStyle( $name, $uri ) { $this->told['assets'][ $name ] = array( $uri ); return $this; }
		public function registerAndUseScript( $name, $uri, $options, $attributes ) { $this->told['assets'][ $name ] = array( $uri, $options, $attributes ); return $this; }
	}
}

namespace Joomla\CMS\Language {
	class Text {
		public static $texts = array();
		public static function _( $key ) { return self::$texts[ $key ] ?? $key; }
	}
}

namespace Joomla\CMS\Dispatcher {
	abstract class AbstractModuleDispatcher {
		protected $app;
		private $params;
		public function __construct( $app, $params ) { $this->app = $app; $this->params = $params; }
		protected function getLayoutData() { return array( 'app' => $this->app, 'params' => $this->params ); }
		public function dispatch() {
			$data = $this->getLayoutData();
			if ( false === $data ) {
				return;
			}
			( static function ( array $data ) {
				extract( $data );
				require MODULE . '/tmpl/default.php';
			} )( $data );
		}
	}
}

namespace Joomla\DI {
	interface ServiceProviderInterface { public function register( Container $container ); }
	class Container {
		public $registered = array();
		public function registerServiceProvider( $provider ) { $this->registered[] = $provider; }
	}
}

namespace Joomla\CMS\Extension\Service\Provider {
	class Module {}
	class ModuleDispatcherFactory {
		public $namespace;
		public function __construct( $namespace ) { $this->namespace = $namespace; }
	}
}

namespace {
	error_reporting( E_ALL );
	set_error_handler( function ( $number, $text, $file, $line ) { throw new ErrorException( $text, 0, $number, $file, $line ); } );

	define( '_JEXEC', 1 );
	define( 'MODULE', dirname( __DIR__, 2 ) . '/embed_examples/joomla/mod_igrajdanin' );
	$asked = json_decode( $argv[1], true );

	$container = new Joomla\DI\Container();
	( require MODULE . '/services/provider.php' )->register( $container );
	// Joomla finds the class by the namespace of the manifest, the folder `src` and the name of the client.
	$class = $container->registered[0]->namespace . '\\Site\\Dispatcher\\Dispatcher';
	require MODULE . '/src/Dispatcher/Dispatcher.php';

	Joomla\CMS\Language\Text::$texts = parse_ini_file( MODULE . "/language/{$asked['language']}/mod_igrajdanin.ini", false, INI_SCANNER_RAW );
	$document = new Joomla\CMS\Document\HtmlDocument();
	$app      = new class( $document ) {
		private $document;
		public function __construct( $document ) { $this->document = $document; }
		public function getDocument() { return $this->document; }
	};
	ob_start();
	( new $class( $app, new Joomla\Registry\Registry( $asked['params'] ) ) )->dispatch();
	echo json_encode( array( 'printed' => ob_get_clean() ) + $document->told, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES );
}
